//! Names of networks by address.

use std::{net::IpAddr, sync::Arc};

use hashbrown::HashMap;
use ipnet::{IpNet, Ipv4Net};

/// A network that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the network `{0}`: write it as `10.0.0.0/8`, `fd00::/8` or a single address")]
pub struct InvalidNetwork(String);

/// Names of networks. The longest prefix wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    names: Vec<Arc<str>>,
    /// Places of the names.
    places: HashMap<IpNet, usize>,
    /// Lengths of the prefixes that there are, the longest first.
    lengths: Vec<u8>,
}

impl Networks {
    /// Names a network; of two names of one network, the last counts.
    pub(super) fn add(&mut self, network: &str, name: &str) -> Result<(), InvalidNetwork> {
        let network = parse(network).ok_or_else(|| InvalidNetwork(network.to_owned()))?;
        self.places.insert(network, self.names.len());
        self.names.push(name.into());
        if !self.lengths.contains(&network.prefix_len()) {
            self.lengths.push(network.prefix_len());
            self.lengths.sort_unstable_by(|one, other| other.cmp(one));
        }
        Ok(())
    }

    /// Returns the place of the name of the smallest network that has an address.
    pub(super) fn find(&self, address: IpAddr) -> Option<usize> {
        let address = address.to_canonical();
        self.lengths.iter().find_map(|length| {
            // A prefix of IPv6 may be too long for IPv4.
            let network = IpNet::new(address, *length).ok()?;
            self.places.get(&network.trunc()).copied()
        })
    }

    pub(super) fn name(&self, place: usize) -> Option<&Arc<str>> {
        self.names.get(place)
    }
}

/// Reads a network, or a single address. Bits behind the prefix are dropped; IPv4 that is mapped into IPv6 is IPv4.
fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let network: IpNet = text
        .parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let network = network.trunc();
    if let IpNet::V6(v6) = network
        && let Some(length) = v6.prefix_len().checked_sub(96)
        && let Some(v4) = v6.addr().to_ipv4_mapped()
    {
        return Ipv4Net::new(v4, length).ok().map(IpNet::V4);
    }
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(all: &[(&str, &str)]) -> Networks {
        let mut networks = Networks::default();
        for (network, name) in all {
            networks.add(network, name).unwrap();
        }
        networks
    }

    fn name<'a>(networks: &'a Networks, address: &str) -> Option<&'a str> {
        let place = networks.find(address.parse().unwrap())?;
        networks.name(place).map(|it| &**it)
    }

    #[test]
    fn longest_prefix_names_an_address() {
        let networks = networks(&[
            ("10.0.0.0/8", "private"),
            ("10.20.0.0/16", "office"),
            ("10.20.0.7", "printer"),
            ("fd00::/8", "private 6"),
            ("fd00:1::/120", "lab"),
            ("0.0.0.0/0", "internet"),
        ]);
        for (address, expected) in [
            ("10.1.2.3", Some("private")),
            ("10.20.255.255", Some("office")),
            ("10.20.0.7", Some("printer")),
            ("::ffff:10.20.0.7", Some("printer")),
            ("192.0.2.1", Some("internet")),
            ("fd12::1", Some("private 6")),
            ("fd00:1::ff", Some("lab")),
            ("2001:db8::1", None),
        ] {
            assert_eq!(name(&networks, address), expected, "{address}");
        }
    }

    #[test]
    fn network_is_read_in_any_form_and_the_last_name_counts() {
        let networks = networks(&[
            (" 10.1.2.3/8 ", "first"),
            ("::ffff:10.0.0.0/104", "second"),
            ("2001:db8::7", "host"),
        ]);
        assert_eq!(name(&networks, "10.9.9.9"), Some("second"));
        assert_eq!(name(&networks, "2001:db8::7"), Some("host"));
        assert_eq!(name(&networks, "2001:db8::8"), None);
    }

    #[test]
    fn text_that_is_no_network_is_refused_with_a_remedy() {
        for text in ["", "office", "10.0.0.0/33", "10.0.0/8", "fd00::/129"] {
            let error = Networks::default().add(text, "x").unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
            assert!(error.contains("10.0.0.0/8"), "{error}");
        }
    }
}
