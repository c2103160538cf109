//! An address, a network, or a glob over the text of addresses.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::text::{TextFault, from_text, glob, refused};
use crate::{error::Error, iface::glob::Glob};

/// Addresses of one IP version: an address `10.0.0.1`, a network `10.0.0.0/8` or `2001:db8::/32`, or a glob such as
/// `10.1.*` or `fe80::*`.
///
/// A network ignores bits beyond its prefix. A glob is compared with the address in the format of RFC 5952. So
/// `2001:db8::*` matches text, not a network: it does not match `2001:db8:1::1`, which is in `2001:db8::/32`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressPattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    V4 { network: u32, prefix: u8 },
    V6 { network: u128, prefix: u8 },
    Glob { text: Box<str>, glob: Glob },
}

/// First and last address of a network.
pub(super) enum Covered {
    V4(u32, u32),
    V6(u128, u128),
}

/// Octets of the longest address as text.
const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

impl AddressPattern {
    /// Creates the network of this prefix length that contains `address`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for a prefix beyond 32 (IPv4) or 128 (IPv6).
    pub fn network(address: impl Into<IpAddr>, prefix: u8) -> Result<Self, Error> {
        let address = address.into();
        network(address, prefix)
            .map(Self)
            .map_err(|refusal| refused("network", &format!("{address}/{prefix}"), refusal))
    }

    /// Returns the range of addresses if the pattern is a network or an address.
    pub(super) fn covers(&self) -> Option<Covered> {
        match self.0 {
            Kind::V4 { network, prefix } => Some(Covered::V4(network, network | !mask4(prefix))),
            Kind::V6 { network, prefix } => Some(Covered::V6(network, network | !mask6(prefix))),
            Kind::Glob { .. } => None,
        }
    }

    /// Returns true if the pattern matches an address.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        match (&self.0, address) {
            (Kind::V4 { network, prefix }, IpAddr::V4(address)) => {
                address.to_bits() & mask4(*prefix) == *network
            }
            (Kind::V6 { network, prefix }, IpAddr::V6(address)) => {
                address.to_bits() & mask6(*prefix) == *network
            }
            (Kind::Glob { glob, .. }, address) => {
                let mut text = Written::default();
                // The buffer holds the longest address.
                write!(text, "{address}").is_ok() && glob.matches(text.as_str())
            }
            _ => false,
        }
    }
}

/// An address as text, in a buffer on the stack.
struct Written {
    octets: [u8; LONGEST],
    length: usize,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            octets: [0; LONGEST],
            length: 0,
        }
    }
}

impl Written {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.octets[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.octets.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn mask4(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix))
        .unwrap_or_default()
}

fn mask6(prefix: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix))
        .unwrap_or_default()
}

fn network(address: IpAddr, prefix: u8) -> Result<Kind, TextFault> {
    let (version, longest) = match address {
        IpAddr::V4(_) => ("an IPv4", 32),
        IpAddr::V6(_) => ("an IPv6", 128),
    };
    if prefix > longest {
        return Err(prefix_refused(version, longest));
    }
    Ok(match address {
        IpAddr::V4(address) => Kind::V4 {
            network: address.to_bits() & mask4(prefix),
            prefix,
        },
        IpAddr::V6(address) => Kind::V6 {
            network: address.to_bits() & mask6(prefix),
            prefix,
        },
    })
}

fn prefix_refused(version: &str, longest: u8) -> TextFault {
    (
        format!("the prefix of {version} network has 0 to {longest} bits"),
        format!("write a number from 0 to {longest} behind the slash"),
    )
}

fn no_address() -> TextFault {
    (
        "it is no address".to_owned(),
        "write an address (`10.0.0.1`, `2001:db8::1`), a network (`10.0.0.0/8`) or a glob (`10.0.*`)"
            .to_owned(),
    )
}

fn parse(text: &str) -> Result<Kind, TextFault> {
    if let Some((address, prefix)) = text.split_once('/') {
        let address = address.parse().map_err(|_| no_address())?;
        // `u8::from_str` would accept a plus sign.
        let digits = prefix.bytes().all(|octet| octet.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).unwrap_or(u8::MAX);
        return network(address, prefix);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return network(address, if address.is_ipv4() { 32 } else { 128 });
    }
    if !Glob::is_glob(text) {
        return Err(no_address());
    }
    // No glob over addresses has other characters. A text that has some, such as a host name, is a mistake.
    let strange = |c: &char| !(c.is_ascii_hexdigit() || ".:*?[]!^-{},".contains(*c));
    if let Some(strange) = text.chars().find(strange) {
        return Err((
            format!("no address has the character `{strange}`"),
            "write digits, `a` to `f`, dots and colons, and `*`, `?`, `[..]` or `{..,..}` for the rest"
                .to_owned(),
        ));
    }
    // RFC 5952 writes addresses in lower case.
    let text = text.to_ascii_lowercase();
    Ok(Kind::Glob {
        glob: glob(&text)?,
        text: text.into(),
    })
}

impl FromStr for AddressPattern {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for text that is no address, network or glob.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text)
            .map(Self)
            .map_err(|refusal| refused("address", text, refusal))
    }
}

from_text! {
    AddressPattern;
}

impl From<IpAddr> for AddressPattern {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => Kind::V4 {
                network: address.to_bits(),
                prefix: 32,
            },
            IpAddr::V6(address) => Kind::V6 {
                network: address.to_bits(),
                prefix: 128,
            },
        })
    }
}

impl From<Ipv4Addr> for AddressPattern {
    fn from(address: Ipv4Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl From<Ipv6Addr> for AddressPattern {
    fn from(address: Ipv6Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl fmt::Display for AddressPattern {
    /// Prints text that `FromStr` reads; a single address has no prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::V4 {
                network,
                prefix: 32,
            } => Ipv4Addr::from_bits(*network).fmt(f),
            Kind::V6 {
                network,
                prefix: 128,
            } => Ipv6Addr::from_bits(*network).fmt(f),
            Kind::V4 { network, prefix } => {
                write!(f, "{}/{prefix}", Ipv4Addr::from_bits(*network))
            }
            Kind::V6 { network, prefix } => {
                write!(f, "{}/{prefix}", Ipv6Addr::from_bits(*network))
            }
            Kind::Glob { text, .. } => f.pad(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    fn fits(pattern: &str, address: &str) -> bool {
        let pattern: AddressPattern = pattern.parse().unwrap();
        pattern.matches(address.parse().unwrap())
    }

    #[test]
    fn addresses_networks_and_globs_are_patterns() {
        for (pattern, address, fit) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.9", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3/8", "10.255.0.9", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:DB8::1", "2001:db8::1", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.9.9.9", true),
            ("10.0.*", "10.0.7.1", true),
            ("10.0.*", "10.1.0.7", false),
            ("10.0.0.?", "10.0.0.7", true),
            ("10.0.0.[0-4]", "10.0.0.5", false),
            ("FE80::*", "fe80::1", true),
            ("fe80:*", "fe80::1", true),
            ("*", "10.0.0.1", true),
            ("*", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
            ("*:*", "10.0.0.1", false),
        ] {
            assert_eq!(fits(pattern, address), fit, "{pattern} {address}");
        }
    }

    #[test]
    fn pattern_errors_name_the_correct_form() {
        for (text, part) in [
            ("", "no address"),
            ("10.0.0", "no address"),
            ("10.0.0.256", "no address"),
            ("localhost", "no address"),
            ("10.0.0.0/", "0 to 32"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.0/-1", "0 to 32"),
            ("10.0.0.0/8/8", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.*/8", "no address"),
            ("host*", "no address has the character `h`"),
            ("10.0.0.[0-", "not closed"),
            ("10.0.0.[9-0]", "before it starts"),
        ] {
            let error = text.parse::<AddressPattern>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.remedy().is_some());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_an_item_or_an_error(text in "\\PC{0,20}|[0-9a-f.:/*?\\[\\]!-]{0,20}", address: IpAddr) {
            if let Ok(pattern) = text.parse::<AddressPattern>() {
                let _ = pattern.matches(address);
                prop_assert_eq!(pattern.to_string().parse::<AddressPattern>().unwrap(), pattern);
            }
        }

        #[test]
        fn network_is_a_comparison_bit_by_bit(network: IpAddr, other: IpAddr, prefix in 0_u8..=128, near: bool) {
            let (length, bits, other_bits) = match (network, other) {
                (IpAddr::V4(a), IpAddr::V4(b)) => (32, u128::from(a.to_bits()), u128::from(b.to_bits())),
                (IpAddr::V6(a), IpAddr::V6(b)) => (128, a.to_bits(), b.to_bits()),
                _ => return Ok(()),
            };
            let prefix = prefix % (length + 1);
            // Two random addresses have few bits in common, so half of the cases differ only in the last ones.
            let other_bits = if near { bits ^ (other_bits & 0xff) } else { other_bits };
            let pattern = AddressPattern::network(network, prefix).unwrap();
            let same = (0..prefix).all(|bit| (bits ^ other_bits) >> (length - 1 - bit) & 1 == 0);
            let address: IpAddr = match network {
                IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(other_bits).unwrap()).into(),
                IpAddr::V6(_) => Ipv6Addr::from_bits(other_bits).into(),
            };
            prop_assert_eq!(pattern.matches(address), same);
        }
    }
}
