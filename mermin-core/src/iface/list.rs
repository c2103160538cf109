//! Lists the interfaces of a network namespace with one dump.

use std::{io, net::Ipv4Addr};

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
};

use super::{Interface, LinkLayer, Remote};
use crate::{
    error::{Error, ErrorKind},
    sys::netlink::{Netlink, attribute, attributes_of, text},
};

pub(super) const AF_UNSPEC: u8 = 0;
const RTM_NEWLINK: u16 = 16;
const IFLA_ADDRESS: u16 = 1;
const IFLA_BROADCAST: u16 = 2;
const IFLA_IFNAME: u16 = 3;
/// An event of Wireless Extensions (`net/wireless/wext-core.c`), sent after each scan: a message with this attribute and the
/// name alone.
const IFLA_WIRELESS: u16 = 11;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_GRE_ENCAP_TYPE: u16 = 14;
const IFLA_GRE_COLLECT_METADATA: u16 = 18;
const TUNNEL_ENCAP_NONE: u16 = 0;
const IFF_UP: u32 = 1;
const IFF_BROADCAST: u32 = 1 << 1;
const IFF_LOOPBACK: u32 = 1 << 3;
/// `struct ifinfomsg`.
const HEADER: usize = 16;

/// Returns all interfaces of the network namespace that `netlink` was opened in, sorted by index.
pub(crate) fn links(netlink: &Netlink) -> Result<Vec<Interface>, Error> {
    let mut message = LinkMessage::default();
    // Statistics are most of an answer's octets, and a node may have thousands of links.
    message
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let mut links = netlink
        .dump(&RouteNetlinkMessage::GetLink(message), read)
        .map_err(cannot_list)?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

/// Received and sent packets in the interface's own counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Returns the same interfaces as [`links`], unsorted, with their own counters.
pub(crate) fn links_and_counters(netlink: &Netlink) -> Result<Vec<(Interface, Counters)>, Error> {
    let message = RouteNetlinkMessage::GetLink(LinkMessage::default());
    netlink
        .dump(&message, |kind, payload| {
            Some((read(kind, payload)?, counters(payload).unwrap_or_default()))
        })
        .map_err(cannot_list)
}

/// Parses the counters. `struct rtnl_link_stats64` begins with the packets of both directions.
fn counters(payload: &[u8]) -> Option<Counters> {
    let statistics = attribute(payload.get(HEADER..)?, IFLA_STATS64)?;
    let number = |at| {
        let octets = statistics.get(at..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*octets))
    };
    Some(Counters {
        received: number(0)?,
        sent: number(8)?,
    })
}

fn cannot_list(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot list network interfaces").with_source(error)
}

/// The fields of `struct ifinfomsg` that are used.
pub(super) struct Header {
    /// [`AF_UNSPEC`] if the message describes the link itself, not one of its roles.
    pub(super) family: u8,
    hardware: u16,
    pub(super) index: u32,
    flags: u32,
}

/// Parses the fixed part of a message about a link.
pub(super) fn header(payload: &[u8]) -> Option<Header> {
    let header = payload.first_chunk::<HEADER>()?;
    let word = |at: usize| {
        u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Some(Header {
        family: header[0],
        hardware: u16::from_ne_bytes([header[2], header[3]]),
        index: word(4),
        flags: word(8),
    })
}

/// Parses an interface from a dump or a notification.
pub(crate) fn read(kind: u16, payload: &[u8]) -> Option<Interface> {
    let Header {
        family,
        hardware,
        index,
        flags,
    } = header(payload)?;
    if kind != RTM_NEWLINK || family != AF_UNSPEC {
        return None;
    }
    let attributes = payload.get(HEADER..)?;
    if attribute(attributes, IFLA_WIRELESS).is_some() {
        return None;
    }
    Some(Interface {
        index,
        name: attribute(attributes, IFLA_IFNAME).map(text)?,
        other_names: attribute(attributes, IFLA_PROP_LIST).map_or_else(Vec::new, |list| {
            attributes_of(list, IFLA_ALT_IFNAME).map(text).collect()
        }),
        kind: attribute(attributes, IFLA_LINKINFO)
            .and_then(|info| attribute(info, IFLA_INFO_KIND))
            .map(text),
        link: LinkLayer::from_arphrd(hardware, remote(attributes, flags & IFF_BROADCAST != 0)),
        mac: attribute(attributes, IFLA_ADDRESS).and_then(|address| address.try_into().ok()),
        up: flags & IFF_UP != 0,
        loopback: flags & IFF_LOOPBACK != 0,
    })
}

/// Returns the receiver of a GRE device's packets. It has no meaning for other devices.
fn remote(attributes: &[u8], can_broadcast: bool) -> Remote {
    let data =
        attribute(attributes, IFLA_LINKINFO).and_then(|info| attribute(info, IFLA_INFO_DATA));
    let of = |kind| data.and_then(|data| attribute(data, kind));
    if of(IFLA_GRE_COLLECT_METADATA).is_some() {
        return Remote::Metadata;
    }
    let is_in_datagrams = of(IFLA_GRE_ENCAP_TYPE)
        .and_then(|kind| kind.try_into().ok())
        .is_some_and(|kind| u16::from_ne_bytes(kind) != TUNNEL_ENCAP_NONE);
    // Tunnels have their remote address as broadcast address.
    let remote = match attribute(attributes, IFLA_BROADCAST) {
        // A kernel without support for GRE broadcast treats a multicast group like a unicast address.
        Some(&[first, _, _, _])
            if can_broadcast && Ipv4Addr::new(first, 0, 0, 0).is_multicast() =>
        {
            Remote::Group
        }
        Some(octets) if octets.iter().all(|&octet| octet == 0) => Remote::None,
        _ => return Remote::Fixed,
    };
    if is_in_datagrams {
        Remote::Datagrams
    } else {
        remote
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_where_it_is_always() {
        let links = links(&Netlink::open().unwrap()).unwrap();
        let lo = links.iter().find(|link| link.loopback).unwrap();
        assert_eq!((lo.index, lo.name.as_str()), (1, "lo"));
        assert_eq!((lo.link, lo.kind.as_deref()), (LinkLayer::Ethernet, None));
        assert!(
            links
                .iter()
                .all(|link| link.index != 0 && !link.name.is_empty())
        );
    }

    #[test]
    fn counters_are_those_the_kernel_shows() {
        let netlink = Netlink::open().unwrap();
        let shown = || -> Counters {
            let read = |name| {
                let path = format!("/sys/class/net/lo/statistics/{name}_packets");
                std::fs::read_to_string(path)
                    .unwrap()
                    .trim()
                    .parse()
                    .unwrap()
            };
            Counters {
                received: read("rx"),
                sent: read("tx"),
            }
        };
        let before = shown();
        let found = links_and_counters(&netlink).unwrap();
        let (_, lo) = found.iter().find(|(link, _)| link.loopback).unwrap();
        let after = shown();
        assert!((before.received..=after.received).contains(&lo.received));
        assert!((before.sent..=after.sent).contains(&lo.sent));
    }

    #[test]
    fn message_without_a_name_or_of_another_kind_or_of_a_scan_is_no_link() {
        let mut payload = vec![0; HEADER];
        assert_eq!(read(RTM_NEWLINK, &payload), None);
        payload.extend([8, 0, 3, 0, b'e', b't', b'h', 0]);
        assert_eq!(
            read(RTM_NEWLINK, &payload).map(|link| link.name).as_deref(),
            Some("eth")
        );
        assert_eq!(read(17, &payload), None);
        assert_eq!(read(RTM_NEWLINK, &payload[..8]), None);
        let wireless = [payload, vec![8, 0, 11, 0, 1, 2, 3, 4]].concat();
        assert_eq!(read(RTM_NEWLINK, &wireless), None);
    }
}
