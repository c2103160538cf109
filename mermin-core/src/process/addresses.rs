//! Addresses of a network namespace.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage};

use crate::sys::netlink::{Netlink, attribute};

const RTM_NEWADDR: u16 = 20;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// `struct ifaddrmsg`.
const HEADER: usize = 8;
/// Place of the interface's index in it.
const INDEX: usize = 4;

/// Addresses of a network namespace, and the indices of the interfaces that have them.
#[derive(Debug, Default)]
pub(super) struct Addresses(HashMap<IpAddr, Vec<u32>>);

impl Addresses {
    /// Reads those of the network namespace that `netlink` was opened in.
    pub(super) fn read(netlink: &Netlink) -> io::Result<Self> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (address, interface) in netlink.dump(&request, parse)? {
            all.entry(address).or_default().push(interface);
        }
        Ok(Self(all))
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains_key(&address)
    }

    /// Returns the interfaces that have the address. A link-local address may be on several.
    pub(super) fn interfaces(&self, address: IpAddr) -> &[u32] {
        self.0.get(&address).map_or(&[], Vec::as_slice)
    }
}

/// Returns the address of a message, and the index of its interface.
fn parse(kind: u16, payload: &[u8]) -> Option<(IpAddr, u32)> {
    if kind != RTM_NEWADDR {
        return None;
    }
    let interface = u32::from_ne_bytes(*payload.get(INDEX..)?.first_chunk()?);
    let attributes = payload.get(HEADER..)?;
    // On a point-to-point link, `IFA_ADDRESS` is the peer's address.
    let octets = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS))?;
    let address = if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        Ipv4Addr::from(v4).into()
    } else {
        Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()
    };
    Some((address, interface))
}
