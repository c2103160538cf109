//! Addresses of a network namespace.

use std::{
    collections::HashSet,
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

/// Returns all addresses of the network namespace that `netlink` was opened in, except loopback addresses, which
/// every namespace has.
pub(super) fn all(netlink: &Netlink) -> io::Result<HashSet<IpAddr>> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    Ok(netlink.dump(&request, read)?.into_iter().collect())
}

fn read(kind: u16, payload: &[u8]) -> Option<IpAddr> {
    if kind != RTM_NEWADDR {
        return None;
    }
    let attributes = payload.get(HEADER..)?;
    // On a point-to-point link, `IFA_ADDRESS` is the peer's address.
    let octets = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS))?;
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(octets)
        .ok()
        .map(|v6| Ipv6Addr::from(v6).into())
}
