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

/// The qdisc of an interface that filters hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Qdisc {
    /// Both directions.
    Clsact,
    /// The older one, which knows only ingress. There is room for one of the two.
    Ingress,
}

fn message(ifindex: u32) -> TcMessage {
    let mut message = TcMessage::with_index(ifindex.cast_signed());
    message.header.parent = TcHandle::CLSACT;
    message
}

/// Adds a clsact qdisc: true if it was not there. An ingress qdisc in its place counts as there.
pub(super) fn add(netlink: &Netlink, ifindex: u32) -> io::Result<bool> {
    let mut message = message(ifindex);
    // The kernel gives this handle to every clsact and ingress qdisc, whatever is asked for.
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

/// Which one there is.
pub(super) fn get(netlink: &Netlink, ifindex: u32) -> io::Result<Option<Qdisc>> {
    let asked = netlink.request(
        RouteNetlinkMessage::GetQueueDiscipline(message(ifindex)),
        // Before Linux 6.9 the answer is a notification, which comes only when it is asked for.
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
        // There never was one, or what was there has gone and left its empty place.
        Err(error) if matches!(errno(&error), Some(libc::ENOENT | libc::EINVAL)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Interfaces that have either.
pub(super) fn carriers(netlink: &Netlink) -> io::Result<BTreeSet<u32>> {
    let all = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let carriers = netlink.dump(&all, |kind, payload| {
        let kind = (kind == RTM_NEWQDISC)
            .then(|| attribute(payload.get(HEADER..)?, TCA_KIND).map(text))
            .flatten()?;
        let index = payload.get(4..)?.first_chunk()?;
        matches!(kind.as_str(), "clsact" | "ingress").then(|| u32::from_ne_bytes(*index))
    })?;
    Ok(carriers.into_iter().collect())
}

/// Removes it, and every filter on it.
pub(super) fn delete(netlink: &Netlink, ifindex: u32) -> io::Result<()> {
    netlink.execute(RouteNetlinkMessage::DelQueueDiscipline(message(ifindex)), 0)
}
