//! Filters at one hook of an interface: adds a BPF filter, lists all, deletes one.

use std::{io, os::fd::AsRawFd};

use mermin_bpf::abi::ledger::HookDirection;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcBpfFlags, TcFilterBpfOption, TcHandle, TcHeader, TcMessage, TcOption},
};

use super::qdisc::HEADER;
use crate::{
    attach::program::Program,
    sys::netlink::{Netlink, attribute, number, text},
};

/// The only kind for which several filters can share a priority.
pub(crate) const BPF: &str = "bpf";
/// `ETH_P_ALL`: packets of every protocol.
pub(super) const ALL_PROTOCOLS: u16 = 3;

const RTM_NEWTFILTER: u16 = 44;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_CHAIN: u16 = 11;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_ID: u16 = 11;

/// A filter at a hook, of any program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `bpf`, `u32`, `flower`, ..
    pub(crate) kind: String,
    /// The `pref` of tc(8).
    pub(crate) priority: u16,
    /// EtherType, or [`ALL_PROTOCOLS`].
    pub(crate) protocol: u16,
    /// Only other filters lead to chains other than 0. Each chain has its own priorities.
    pub(crate) chain: u32,
    /// Unique within its priority; 0 in the entry of the priority itself.
    pub(crate) handle: u32,
    /// Name of a BPF filter.
    pub(crate) name: Option<String>,
    /// Program id of a BPF filter.
    pub(crate) program: Option<u32>,
}

fn message(ifindex: u32, direction: HookDirection) -> TcMessage {
    let mut message = TcMessage::with_index(ifindex.cast_signed());
    message.header.parent = TcHandle {
        major: 0xffff,
        minor: match direction {
            HookDirection::Ingress => TcHandle::MIN_INGRESS,
            HookDirection::Egress => TcHandle::MIN_EGRESS,
        },
    };
    message
}

fn info(priority: u16, protocol: u16) -> u32 {
    u32::from(priority) << 16 | u32::from(protocol.to_be())
}

/// Returns the attributes of a BPF filter in direct-action mode.
fn attributes(program: Program<'_>, name: &str) -> Vec<TcAttribute> {
    vec![
        TcAttribute::Kind(BPF.to_owned()),
        TcAttribute::Options(vec![
            TcOption::Bpf(TcFilterBpfOption::ProgFd(
                program.fd.as_raw_fd().cast_unsigned(),
            )),
            TcOption::Bpf(TcFilterBpfOption::ProgName(name.to_owned())),
            TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
        ]),
    ]
}

/// Replaces the program of the BPF filter with this priority and handle. The kernel replaces the filter atomically.
pub(super) fn replace(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
    (priority, handle): (u16, u32),
    program: Program<'_>,
    name: &str,
) -> io::Result<()> {
    let mut message = message(ifindex, direction);
    message.header.info = info(priority, ALL_PROTOCOLS);
    message.header.handle = handle.into();
    message.attributes = attributes(program, name);
    netlink.execute(RouteNetlinkMessage::NewTrafficFilter(message), 0)
}

/// Adds a BPF filter in direct-action mode, before those of the same priority. Returns the handle that the kernel
/// chose.
pub(super) fn add(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
    priority: u16,
    program: Program<'_>,
    name: &str,
) -> io::Result<u32> {
    let mut message = message(ifindex, direction);
    message.header.info = info(priority, ALL_PROTOCOLS);
    message.attributes = attributes(program, name);
    let echoed = netlink.request(
        RouteNetlinkMessage::NewTrafficFilter(message),
        NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO,
        read,
    )?;
    match echoed.first() {
        Some(filter) => Ok(filter.handle),
        None => Err(io::Error::other(
            "the kernel did not say which handle it gave the filter",
        )),
    }
}

/// Returns all filters at a hook, in the order of execution; none if there is no qdisc or no interface.
pub(crate) fn list(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
) -> io::Result<Vec<Filter>> {
    netlink.dump(
        &RouteNetlinkMessage::GetTrafficFilter(message(ifindex, direction)),
        read,
    )
}

/// Deletes one BPF filter. Refuses handle 0, which would delete every filter of the priority.
pub(super) fn delete(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
    priority: u16,
    handle: u32,
) -> io::Result<()> {
    if handle == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut message = message(ifindex, direction);
    message.header.info = info(priority, ALL_PROTOCOLS);
    message.header.handle = handle.into();
    message.attributes = vec![TcAttribute::Kind(BPF.to_owned())];
    netlink.execute(RouteNetlinkMessage::DelTrafficFilter(message), 0)
}

fn read(kind: u16, payload: &[u8]) -> Option<Filter> {
    if kind != RTM_NEWTFILTER {
        return None;
    }
    let header = TcHeader::parse(payload).ok()?;
    let attributes = payload.get(HEADER..)?;
    let kind = text(attribute(attributes, TCA_KIND)?);
    // The numbers of options depend on the kind.
    let options = attribute(attributes, TCA_OPTIONS).filter(|_| kind == BPF);
    let [priority, protocol] =
        [header.info >> 16, header.info & 0xffff].map(|half| u16::try_from(half).unwrap_or(0));
    Some(Filter {
        kind,
        priority,
        protocol: u16::from_be(protocol),
        chain: attribute(attributes, TCA_CHAIN)
            .and_then(number)
            .unwrap_or(0),
        handle: header.handle.into(),
        name: options
            .and_then(|options| attribute(options, TCA_BPF_NAME))
            .map(text),
        program: options
            .and_then(|options| attribute(options, TCA_BPF_ID))
            .and_then(number),
    })
}
