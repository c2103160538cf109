//! Messages of `ctnetlink`: a request for the entry with a tuple, and the answer
//! (`include/uapi/linux/netfilter/nfnetlink_conntrack.h`). Nothing here makes a system call.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkBuffer};

use super::tuple::{Query, Tuple};
use crate::{
    flow::{Endpoint, Protocol},
    sys::netlink::attribute,
};

/// `IPCTNL_MSG_CT_NEW` and `IPCTNL_MSG_CT_GET` of the subsystem `NFNL_SUBSYS_CTNETLINK`.
const ENTRY: u16 = 1 << 8;
const GET: u16 = ENTRY + 1;
const NLMSG_ERROR: u16 = 2;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct nfgenmsg`.
const FAMILY_HEADER: usize = 4;
const NESTED: u16 = 1 << 15;

const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;

const TUPLE_ADDRESSES: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;

const SOURCE_V4: u16 = 1;
const DESTINATION_V4: u16 = 2;
const SOURCE_V6: u16 = 3;
const DESTINATION_V6: u16 = 4;

const PROTOCOL_NUMBER: u16 = 1;
const SOURCE_PORT: u16 = 2;
const DESTINATION_PORT: u16 = 3;

/// Numbers of the attributes of a query: id, type, code.
const ICMP: [u16; 3] = [4, 5, 6];
const ICMPV6: [u16; 3] = [7, 8, 9];

/// An entry: the tuple of a packet in its original direction as it arrives, and that of a packet in reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) original: Tuple,
    pub(super) reply: Tuple,
}

impl Entry {
    /// Returns the tuple of the other direction. `None` if neither direction has this one.
    pub(super) fn opposite(&self, one: &Tuple) -> Option<Tuple> {
        if self.original == *one {
            Some(self.reply)
        } else {
            (self.reply == *one).then_some(self.original)
        }
    }
}

/// Returns a request for the entry that has this tuple in either direction.
pub(super) fn request(tuple: &Tuple, sequence: u32) -> Vec<u8> {
    let is_v4 = tuple.source.address.is_ipv4();
    let family = if is_v4 { libc::AF_INET } else { libc::AF_INET6 };
    let mut message = Vec::with_capacity(128);
    message.extend([0; 4]);
    message.extend(GET.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend([u8::try_from(family).unwrap_or_default(), 0, 0, 0]);
    nest(&mut message, ORIGINAL, |out| {
        nest(out, TUPLE_ADDRESSES, |out| {
            let kinds = if is_v4 {
                [SOURCE_V4, DESTINATION_V4]
            } else {
                [SOURCE_V6, DESTINATION_V6]
            };
            for (kind, end) in kinds.into_iter().zip([tuple.source, tuple.destination]) {
                match end.address {
                    IpAddr::V4(address) => put(out, kind, &address.octets()),
                    IpAddr::V6(address) => put(out, kind, &address.octets()),
                }
            }
        });
        nest(out, TUPLE_PROTOCOL, |out| {
            put(out, PROTOCOL_NUMBER, &[tuple.protocol.0]);
            for (kind, end) in [
                (SOURCE_PORT, tuple.source),
                (DESTINATION_PORT, tuple.destination),
            ] {
                if let Some(port) = end.port {
                    put(out, kind, &port.to_be_bytes());
                }
            }
            if let Some(query) = tuple.query {
                let [id, kind, code] = if is_v4 { ICMP } else { ICMPV6 };
                put(out, id, &query.id.to_be_bytes());
                put(out, kind, &[query.kind]);
                put(out, code, &[query.code]);
            }
        });
    });
    let length = u32::try_from(message.len()).unwrap_or_default();
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message
}

/// Appends an attribute.
fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or_default();
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Appends an attribute that has others.
fn nest(out: &mut Vec<u8>, kind: u16, within: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::new();
    within(&mut value);
    put(out, kind | NESTED, &value);
}

/// Reads an answer: the entry, or `None` if the kernel has none. `None` for a datagram that does not answer the request with this
/// number.
///
/// # Errors
/// The kernel's refusal. `InvalidData` for something else.
pub(super) fn read(datagram: &[u8], sequence: u32) -> Option<io::Result<Option<Entry>>> {
    let message = NetlinkBuffer::new_checked(datagram).ok()?;
    if message.sequence_number() != sequence {
        return None;
    }
    let payload = datagram.get(HEADER..(message.length() as usize).min(datagram.len()))?;
    let entry = match message.message_type() {
        NLMSG_ERROR => return Some(refusal(payload)),
        ENTRY => payload.get(FAMILY_HEADER..).and_then(entry),
        _ => None,
    };
    Some(match entry {
        Some(entry) => Ok(Some(entry)),
        None => Err(io::ErrorKind::InvalidData.into()),
    })
}

fn refusal(payload: &[u8]) -> io::Result<Option<Entry>> {
    let code = payload.first_chunk().copied().map(i32::from_ne_bytes);
    match code {
        Some(code) if code == -libc::ENOENT => Ok(None),
        Some(code @ ..0) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn entry(attributes: &[u8]) -> Option<Entry> {
    Some(Entry {
        original: tuple(attribute(attributes, ORIGINAL)?)?,
        reply: tuple(attribute(attributes, REPLY)?)?,
    })
}

fn tuple(attributes: &[u8]) -> Option<Tuple> {
    let addresses = attribute(attributes, TUPLE_ADDRESSES)?;
    let of = attribute(attributes, TUPLE_PROTOCOL)?;
    let protocol = Protocol(octet(of, PROTOCOL_NUMBER)?);
    let end = |v4, v6, port| {
        Some(Endpoint {
            address: address(addresses, v4, v6)?,
            port: number(of, port),
        })
    };
    let [id, kind, code] = if protocol == Protocol::ICMPV6 {
        ICMPV6
    } else {
        ICMP
    };
    let query = number(of, id).and_then(|id| {
        Some(Query {
            kind: octet(of, kind)?,
            code: octet(of, code)?,
            id,
        })
    });
    Some(Tuple {
        protocol,
        source: end(SOURCE_V4, SOURCE_V6, SOURCE_PORT)?,
        destination: end(DESTINATION_V4, DESTINATION_V6, DESTINATION_PORT)?,
        query,
    })
}

fn address(attributes: &[u8], v4: u16, v6: u16) -> Option<IpAddr> {
    if let Some(octets) = attribute(attributes, v4) {
        return Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into());
    }
    let octets = attribute(attributes, v6)?;
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into())
}

fn octet(attributes: &[u8], kind: u16) -> Option<u8> {
    attribute(attributes, kind)?.first().copied()
}

fn number(attributes: &[u8], kind: u16) -> Option<u16> {
    let octets = attribute(attributes, kind)?.first_chunk()?;
    Some(u16::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests;
