//! Headers that operating systems put before a packet whose link they do not show: BSD loopback, and Linux cooked.

use mermin_bpf::abi::ledger::Reason;

use super::{
    captured::Captured,
    start::{Own, Start},
};
use crate::pcap::word::Order;

/// Where in a cooked header the fields are.
pub(super) struct Cooked {
    length: usize,
    protocol: usize,
    address: usize,
    /// One octet; of the two in version 1 the lower.
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
/// Octets of an address that is a MAC.
const MAC: u8 = 6;

pub(super) fn loopback(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    own.octets = 4;
    let family = bytes.u32(Order::Big, 0)?;
    // Families are small numbers: in the wrong byte order they are not.
    match family.min(family.swap_bytes()) {
        // AF_INET, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 10 | 24 | 28 | 30 => Ok(Start::bare_ip(own.octets)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Headers that a driver took off, tags for one, stand behind the cooked header.
pub(super) fn cooked(bytes: Captured<'_>, header: &Cooked, own: &mut Own) -> Result<Start, Reason> {
    own.octets = header.length;
    // All of the header must be there.
    bytes.octet(header.length - 1)?;
    let start = Start::new(bytes.be16(header.protocol)?, header.length);
    Ok(match bytes.octet(header.address_length)? {
        MAC => start.sent_by(header.address),
        _ => start,
    })
}
