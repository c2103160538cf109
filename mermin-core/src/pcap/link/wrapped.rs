//! Capture headers before a frame of another link type.

use mermin_bpf::abi::ledger::Reason;

use super::{
    Layer,
    captured::Captured,
    start::{Own, Start},
};
use crate::pcap::word::Order;

/// Reads Per-Packet Information: a length in little endian, fields, and the link type.
pub(super) fn ppi(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    own.octets = usize::from(bytes.u16(Order::Little, 2)?);
    let link = bytes.u32(Order::Little, 4)?;
    if own.octets < 8 {
        return Err(Reason::MalformedEthernet);
    }
    inside(bytes, link, own)
}

/// Reads Apple's header: its length, the type of the record, and the link type, in little endian.
pub(super) fn pktap(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    const LEAST: usize = 108;
    const PACKET: u32 = 1;
    let length = bytes.u32(Order::Little, 0)?;
    own.octets = usize::try_from(length).unwrap_or(usize::MAX);
    let (kind, link) = (bytes.u32(Order::Little, 4)?, bytes.u32(Order::Little, 8)?);
    if own.octets < LEAST {
        return Err(Reason::MalformedEthernet);
    }
    if kind != PACKET {
        return Err(Reason::OtherEthertype);
    }
    inside(bytes, link, own)
}

/// Reads the frame inside, of any link type that has no such header itself.
fn inside(bytes: Captured<'_>, link: u32, own: &mut Own) -> Result<Start, Reason> {
    let layer = Layer::of(link).filter(|layer| !layer.is_wrapped());
    let layer = layer.ok_or(Reason::OtherLink)?;
    let at = own.octets;
    let mut frame = Own::default();
    let rest = bytes.from(at, bytes.length.saturating_sub(at));
    let start = layer.locate(rest, &mut frame);
    own.octets += frame.octets;
    let start = start?;
    Ok(Start {
        at: at + start.at,
        sender_at: start.sender_at.map(|sender| at + sender),
        receiver_at: start.receiver_at.map(|receiver| at + receiver),
        ..start
    })
}

/// Reads Linux netfilter: a family, then attributes in the byte order of the capturing host; one of them is the
/// packet.
pub(super) fn nflog(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    const PAYLOAD: u16 = 9;
    const HEADER: usize = 4;
    /// `AF_INET`, `AF_INET6`.
    const IP: [u8; 2] = [2, 10];
    let [family, version] = bytes.field(0)?;
    own.octets = HEADER;
    if version != 0 || !IP.contains(&family) {
        return Err(Reason::OtherEthertype);
    }
    let mut order = None;
    loop {
        let at = own.octets;
        // The first attribute is short, so a large length has the wrong byte order.
        let order = *order.get_or_insert(match bytes.field(at)? {
            [_, 0] => Order::Little,
            _ => Order::Big,
        });
        let (length, kind) = (bytes.u16(order, at)?, bytes.u16(order, at + 2)?);
        if usize::from(length) < HEADER || at + usize::from(length) > bytes.length {
            return Err(Reason::MalformedEthernet);
        }
        if kind == PAYLOAD {
            own.octets = at + HEADER;
            own.wire = Some(usize::from(length) - HEADER);
            return Ok(Start::bare_ip(own.octets));
        }
        own.octets = at + usize::from(length).next_multiple_of(4);
    }
}

/// Reads the header of OpenBSD's packet filter: a length without padding, and the address family.
pub(super) fn pflog(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    const LEAST: u8 = 48;
    let [length, family] = bytes.field(0)?;
    own.octets = usize::from(length).next_multiple_of(4);
    match family {
        _ if length < LEAST - 3 => Err(Reason::MalformedEthernet),
        // `AF_INET`; `AF_INET6` of OpenBSD, FreeBSD and Darwin.
        2 | 24 | 28 | 30 => Ok(Start::bare_ip(own.octets)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads Solaris's IP observability: version, family, kind of hook, lengths and zones.
pub(super) fn ipnet(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    own.octets = 24;
    match bytes.octet(1)? {
        // `AF_INET` and `AF_INET6` of Solaris.
        2 | 26 => Ok(Start::bare_ip(own.octets)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads Juniper's header: a magic, flags, optional extensions; then a frame, or a protocol number and its packet.
pub(super) fn juniper(
    bytes: Captured<'_>,
    own: &mut Own,
    frame: fn(Captured<'_>, usize) -> Result<Start, Reason>,
) -> Result<Start, Reason> {
    const MAGIC: [u8; 3] = *b"MGC";
    const EXTENDED: u8 = 0x80;
    const NO_LINK: u8 = 0x02;
    let [a, b, c, flags] = bytes.field(0)?;
    own.octets = 4;
    if [a, b, c] != MAGIC {
        return Err(Reason::MalformedEthernet);
    }
    if flags & EXTENDED != 0 {
        own.octets += 2 + usize::from(bytes.be16(own.octets)?);
    }
    if flags & NO_LINK != 0 {
        own.octets += 4;
        return Ok(Start::bare_ip(own.octets));
    }
    frame(bytes, own.octets)
}
