//! The qdisc that carries filters in both directions.

use std::{collections::BTreeSet, io};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle, TcMessage},
};

use crate::sys::netlink::{Netlink, attribute, errno, text};

/// `struct tcmsg`.
pub(super) const HEADER: usize = 20;
const RTM_NEWQDISC: u16 = 36;
const TCA_KIND: u16 = 1;

/// The qdisc of an interface that carries filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Qdisc {
    /// Both directions.
    Clsact,
    /// The older kind, with ingress only. An interface can have only one of the two.
    Ingress,
}

fn message(ifindex: u32) -> TcMessage {
    let mut message = TcMessage::with_index(ifindex.cast_signed());
    message.header.parent = TcHandle::CLSACT;
    message
}

/// Adds a clsact qdisc. Returns true if there was none. An existing ingress qdisc is not replaced.
pub(super) fn add(netlink: &Netlink, ifindex: u32) -> io::Result<bool> {
    let mut message = message(ifindex);
    // The kernel gives this handle to every clsact and ingress qdisc.
    message.header.handle = TcHandle {
        major: 0xffff,
        minor: 0,
    };
    message
        .attributes
        .push(TcAttribute::Kind("clsact".to_owned()));
    let added = netlink.execute(
        RouteNetlinkMessage::NewQueueDiscipline(message),
        NLM_F_CREATE | NLM_F_EXCL,
    );
    match added {
        Ok(()) => Ok(true),
        Err(error) if errno(&error) == Some(libc::EEXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the qdisc of an interface, if there is one.
pub(super) fn get(netlink: &Netlink, ifindex: u32) -> io::Result<Option<Qdisc>> {
    let asked = netlink.request(
        RouteNetlinkMessage::GetQueueDiscipline(message(ifindex)),
        // Before Linux 6.9 the answer is a notification, which must be requested.
        NLM_F_ECHO,
        |kind, payload| {
            (kind == RTM_NEWQDISC).then_some(())?;
            attribute(payload.get(HEADER..)?, TCA_KIND).map(text)
        },
    );
    match asked {
        Ok(kinds) => Ok(kinds.iter().find_map(|kind| match kind.as_str() {
            "clsact" => Some(Qdisc::Clsact),
            "ingress" => Some(Qdisc::Ingress),
            _ => None,
        })),
        // There was never a qdisc, or it was removed and left an empty entry.
        Err(error) if matches!(errno(&error), Some(libc::ENOENT | libc::EINVAL)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the indexes of interfaces with a qdisc that can have filters (`clsact` or `ingress`).
pub(super) fn with_qdisc(netlink: &Netlink) -> io::Result<BTreeSet<u32>> {
    let all = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let with_qdisc = netlink.dump(&all, |kind, payload| {
        let kind = (kind == RTM_NEWQDISC)
            .then(|| attribute(payload.get(HEADER..)?, TCA_KIND).map(text))
            .flatten()?;
        let index = payload.get(4..)?.first_chunk()?;
        matches!(kind.as_str(), "clsact" | "ingress").then(|| u32::from_ne_bytes(*index))
    })?;
    Ok(with_qdisc.into_iter().collect())
}

/// Removes the qdisc and every filter on it.
pub(super) fn delete(netlink: &Netlink, ifindex: u32) -> io::Result<()> {
    netlink.execute(RouteNetlinkMessage::DelQueueDiscipline(message(ifindex)), 0)
}
