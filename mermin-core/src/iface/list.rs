//! The interfaces of a network namespace, by one dump.

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
};

use super::{Interface, LinkLayer};
use crate::{
    error::{Error, ErrorKind},
    sys::netlink::{Netlink, attribute, text},
};

pub(super) const AF_UNSPEC: u8 = 0;
const RTM_NEWLINK: u16 = 16;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 1 << 3;
/// `struct ifinfomsg`.
const HEADER: usize = 16;

/// Every interface of the network namespace `netlink` was opened in, in the order of their indexes.
pub(crate) fn links(netlink: &Netlink) -> Result<Vec<Interface>, Error> {
    let mut message = LinkMessage::default();
    // Statistics are most of an answer's bytes, and a node may have thousands of links.
    message
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let mut links = netlink
        .dump(&RouteNetlinkMessage::GetLink(message), read)
        .map_err(|error| {
            Error::new(ErrorKind::System, "cannot list network interfaces").with_source(error)
        })?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

/// `struct ifinfomsg`, as far as it is read.
pub(super) struct Header {
    /// [`AF_UNSPEC`] where the message is about the link itself and not about one of its roles.
    pub(super) family: u8,
    hardware: u16,
    pub(super) index: u32,
    flags: u32,
}

/// The fixed part of a message about a link.
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

/// Reads what says that a link exists, from a dump or a notification.
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
    Some(Interface {
        index,
        name: attribute(attributes, IFLA_IFNAME).map(text)?,
        kind: attribute(attributes, IFLA_LINKINFO)
            .and_then(|info| attribute(info, IFLA_INFO_KIND))
            .map(text),
        link: LinkLayer::from_arphrd(hardware),
        mac: attribute(attributes, IFLA_ADDRESS).and_then(|address| address.try_into().ok()),
        up: flags & IFF_UP != 0,
        loopback: flags & IFF_LOOPBACK != 0,
    })
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
    fn a_message_without_a_name_or_of_another_kind_is_no_link() {
        let mut payload = vec![0; HEADER];
        assert_eq!(read(RTM_NEWLINK, &payload), None);
        payload.extend([8, 0, 3, 0, b'e', b't', b'h', 0]);
        assert_eq!(
            read(RTM_NEWLINK, &payload).map(|link| link.name).as_deref(),
            Some("eth")
        );
        assert_eq!(read(17, &payload), None);
        assert_eq!(read(RTM_NEWLINK, &payload[..8]), None);
    }
}
