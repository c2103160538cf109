//! Headers that operating systems put in place of a link header: BSD loopback and Linux cooked.

use mermin_bpf::abi::ledger::Reason;

use super::{
    captured::Captured,
    start::{Own, Start},
};
use crate::pcap::word::Order;

/// Positions of the fields of a cooked header.
pub(super) struct Cooked {
    length: usize,
    protocol: usize,
    address: usize,
    /// One octet; version 1 has two, and this is the lower one.
    address_length: usize,
}

pub(super) const COOKED: Cooked = Cooked {
    length: 16,
    protocol: 14,
    address: 6,
    address_length: 5,
};
pub(super) const COOKED_2: Cooked = Cooked {
    length: 20,
    protocol: 0,
    address: 12,
    address_length: 11,
};
/// Octets of a MAC address.
const MAC: u8 = 6;

pub(super) fn loopback(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    own.octets = 4;
    let family = bytes.u32(Order::Big, 0)?;
    // Families are small numbers, so a large one has the wrong byte order.
    match family.min(family.swap_bytes()) {
        // `AF_INET`; `AF_INET6` of Linux; of NetBSD and OpenBSD; of FreeBSD; of Darwin.
        2 | 10 | 24 | 28 | 30 => Ok(Start::bare_ip(own.octets)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads a cooked header. A capture has the tags that the driver removed from the frame, such as VLAN tags, behind the
/// cooked header.
pub(super) fn cooked(bytes: Captured<'_>, header: &Cooked, own: &mut Own) -> Result<Start, Reason> {
    own.octets = header.length;
    // The whole header must be present.
    bytes.octet(header.length - 1)?;
    let start = Start::new(bytes.be16(header.protocol)?, header.length);
    Ok(match bytes.octet(header.address_length)? {
        MAC => start.sent_by(header.address),
        _ => start,
    })
}
