//! IEEE 802.11, and capture headers before its frames.

use mermin_bpf::abi::ledger::Reason;

use super::{
    captured::Captured,
    lan,
    start::{Own, Start},
};
use crate::pcap::word::Order;

/// Octets of a data frame's header: control, duration, three addresses, and a sequence number.
const HEADER: usize = 24;
const ADDRESS: usize = 6;
/// Receiver, transmitter, and a third address. Frames between access points have a fourth, behind the sequence
/// number.
const ADDRESS_AT: [usize; 4] = [4, 10, 16, 24];

/// Reads a frame at `at`. With `padded`, its payload begins at a multiple of four octets.
pub(super) fn frame(bytes: Captured<'_>, at: usize, padded: bool) -> Result<Start, Reason> {
    let [control, flags] = bytes.field(at)?;
    let (to, from) = (flags & 0x01 != 0, flags & 0x02 != 0);
    let (goes_on, encrypted, order) = (flags & 0x04 != 0, flags & 0x40 != 0, flags & 0x80 != 0);
    // Version 0, and a data frame that has data.
    if control & 0x0f != 0x08 || control & 0x40 != 0 {
        return Err(Reason::OtherEthertype);
    }
    let quality = control & 0x80 != 0;
    let mut length = HEADER;
    if to && from {
        length += ADDRESS;
    }
    let mut several = false;
    if quality {
        several = bytes.octet(at + length)? & 0x80 != 0;
        length += 2;
        // The HT control field.
        length += if order { 4 } else { 0 };
    }
    let number = bytes.octet(at + 22)? & 0x0f;
    if padded {
        length = length.next_multiple_of(4);
    }
    if number != 0 {
        return Err(Reason::Fragment);
    }
    // An encrypted frame has a key number behind its header, and an aggregate has another header.
    if encrypted || several {
        return Err(Reason::OtherEthertype);
    }
    let sender = match (to, from) {
        (true, true) => ADDRESS_AT[3],
        (false, true) => ADDRESS_AT[2],
        (_, false) => ADDRESS_AT[1],
    };
    let receiver = if to { ADDRESS_AT[2] } else { ADDRESS_AT[0] };
    let start = lan::llc(bytes, at + length, 0)?;
    Ok(Start {
        goes_on,
        ..start.sent_by(at + sender).sent_to(at + receiver)
    })
}

/// Reads radiotap: its length in little endian, bits for the present fields, the fields.
pub(super) fn radiotap(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    const CLOCK: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    const PADDED: u8 = 0x20;
    own.octets = usize::from(bytes.u16(Order::Little, 2)?);
    let present = bytes.u32(Order::Little, 4)?;
    let (mut at, mut bits) = (8, present);
    while bits & MORE != 0 && at < own.octets {
        bits = bytes.u32(Order::Little, at)?;
        at += 4;
    }
    if present & CLOCK != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = match present & FLAGS {
        0 => 0,
        _ if at < own.octets => bytes.octet(at)?,
        _ => 0,
    };
    if own.octets < 8 {
        return Err(Reason::MalformedEthernet);
    }
    frame(bytes, own.octets, flags & PADDED != 0)
}

/// Reads Prism's header, of fixed length, or AVS's in its place.
pub(super) fn prism(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    const LENGTH: usize = 144;
    if bytes.u32(Order::Big, 0)? & !0xf == AVS {
        return avs(bytes, own);
    }
    // Some programs wrote this link type for frames without a capture header.
    if bytes.length < LENGTH {
        return frame(bytes, 0, false);
    }
    own.octets = LENGTH;
    frame(bytes, LENGTH, false)
}

/// The first octets of an AVS header, up to its version.
const AVS: u32 = 0x8021_1000;

/// Reads an AVS header: a version and a length.
pub(super) fn avs(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    let length = bytes.u32(Order::Big, 4)?;
    own.octets = usize::try_from(length).unwrap_or(usize::MAX);
    if own.octets < 8 {
        return Err(Reason::MalformedEthernet);
    }
    frame(bytes, own.octets, false)
}
