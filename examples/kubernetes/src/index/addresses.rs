//! Holders of addresses, each with its time.

use std::{hash::Hash, net::IpAddr};

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::Moment;

/// The way in which an object has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    Pod,
    /// A service, by its address in the cluster.
    ClusterIp,
    Node,
    /// A service, by an external address or that of its load balancer.
    ExternalIp,
    Ingress,
    Gateway,
}

/// An object that may have an address, by its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) role: Role,
    pub(super) slot: u32,
}

/// The time in which an object had an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tenure {
    pub(super) from: Moment,
    /// [`Moment::MAX`] while it lasts.
    pub(super) to: Moment,
    slot: u32,
    role: Role,
    /// True if the object itself reported `to`; otherwise it is the time at which somebody noticed.
    pub(super) exact: bool,
}

impl Role {
    /// Returns the object in this slot, in this role.
    pub(super) const fn of(self, slot: u32) -> Holder {
        Holder { role: self, slot }
    }
}

impl Tenure {
    /// Returns the slot of a holder in a role.
    pub(super) fn slot_as(&self, role: Role) -> Option<u32> {
        (self.role == role).then_some(self.slot)
    }

    fn is_of(&self, holder: Holder) -> bool {
        self.slot == holder.slot && self.role == holder.role
    }
}

/// Former holders of one address that are remembered. Clusters with few addresses use them again within seconds.
const MOST: usize = 64;

/// Addresses, or ports of nodes, with their holders.
#[derive(Debug)]
pub(super) struct Tenures<K>(HashMap<K, SmallVec<[Tenure; 1]>>);

/// All addresses with their holders.
pub(super) type Addresses = Tenures<IpAddr>;

impl<K> Default for Tenures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Tenures<K> {
    /// Begins a tenure, unless the holder has the address.
    pub(super) fn open(&mut self, address: &K, holder: Holder, from: Moment) {
        let tenures = self.0.entry(address.clone()).or_default();
        let has_it = |it: &Tenure| it.is_of(holder) && it.to == Moment::MAX;
        if tenures.iter().any(has_it) {
            return;
        }
        // Those that last stay, however many they are: a hundred ingresses may share an address.
        let closed = || (0..tenures.len()).filter(|at| tenures[*at].to != Moment::MAX);
        if closed().count() >= MOST
            && let Some(oldest) = closed().min_by_key(|at| tenures[*at].to)
        {
            tenures.swap_remove(oldest);
        }
        tenures.push(Tenure {
            from,
            to: Moment::MAX,
            slot: holder.slot,
            role: holder.role,
            exact: false,
        });
    }

    /// Ends a tenure. It never ends before it began.
    pub(super) fn close(&mut self, address: &K, holder: Holder, to: Moment, exact: bool) {
        let tenures = self.0.get_mut(address).into_iter().flatten();
        for tenure in tenures.filter(|it| it.is_of(holder) && it.to == Moment::MAX) {
            (tenure.to, tenure.exact) = (to.max(tenure.from), exact);
        }
    }

    /// Removes all tenures of a holder.
    pub(super) fn forget(&mut self, address: &K, holder: Holder) {
        let Some(tenures) = self.0.get_mut(address) else {
            return;
        };
        tenures.retain(|it| !it.is_of(holder));
        if tenures.is_empty() {
            self.0.remove(address);
        }
    }

    /// Returns tenures, in no order.
    pub(super) fn at(&self, address: &K) -> &[Tenure] {
        self.0.get(address).map_or(&[], SmallVec::as_slice)
    }

    /// Moves a holder from some addresses to others, as of now; one that it keeps goes on.
    pub(super) fn change(
        &mut self,
        holder: Holder,
        [before, after]: [&[K]; 2],
        from: Moment,
        now: Moment,
    ) {
        for address in before.iter().filter(|it| !after.contains(it)) {
            self.close(address, holder, now, false);
        }
        for address in after {
            self.open(address, holder, from);
        }
    }
}

impl Addresses {
    /// Returns the tenures of an address, in no order.
    pub(super) fn of(&self, address: IpAddr) -> &[Tenure] {
        self.at(&address.to_canonical())
    }
}

/// Reads an address as objects have it: IPv6 need not be in its shortest form, and IPv4 may be mapped into IPv6. Texts that
/// are no address, such as `None` and host names, give nothing.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(address.to_canonical())
}

/// Reads several addresses, each once.
pub(super) fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Box<[IpAddr]> {
    let addresses = texts.into_iter().filter_map(parse);
    // 0.0.0.0 and :: are nobody's.
    distinct(addresses.filter(|address| !address.is_unspecified()))
}

/// Returns each address once.
pub(super) fn distinct(addresses: impl IntoIterator<Item = IpAddr>) -> Box<[IpAddr]> {
    let mut addresses: Vec<_> = addresses.into_iter().collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_boxed_slice()
}

/// The mapped form of an IPv4 address.
#[cfg(test)]
pub(super) fn mapped(address: std::net::Ipv4Addr) -> IpAddr {
    IpAddr::V6(address.to_ipv6_mapped())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    fn at(seconds: u64) -> Moment {
        Moment::default().after(std::time::Duration::from_secs(seconds))
    }

    #[test]
    fn addresses_are_read_in_any_form() {
        assert_eq!(parse("::ffff:10.0.0.9"), Some(ADDRESS.into()));
        assert_eq!(parse("FD00:0:0::9"), parse("fd00::9"));
        for text in ["None", "", "worker-1", "10.0.0.256", "10.0.0.1/24"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(
            parse_all(["10.0.0.9", "::ffff:10.0.0.9", "bad", "0.0.0.0"]).len(),
            1
        );
    }

    #[test]
    fn mapped_address_is_looked_up_as_ipv4() {
        let mut addresses = Addresses::default();
        addresses.open(&ADDRESS.into(), Role::Pod.of(7), at(1));
        assert_eq!(addresses.of(mapped(ADDRESS)).len(), 1);
    }

    #[test]
    fn former_tenures_of_one_address_are_bounded() {
        let mut addresses = Addresses::default();
        for number in 0..1_000 {
            let (holder, now) = (Role::Pod.of(number), at(number.into()));
            addresses.open(&ADDRESS.into(), holder, now);
            addresses.open(&ADDRESS.into(), holder, now);
            addresses.close(&ADDRESS.into(), holder, at(u64::from(number) + 1), true);
        }
        let tenures = addresses.of(ADDRESS.into());
        assert_eq!(tenures.len(), MOST);
        assert!(tenures.iter().all(|it| it.from >= at(1_000 - MOST as u64)));
    }
}
