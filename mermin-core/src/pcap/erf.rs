//! ERF, the Extensible Record Format of Endace: records without a file header.
//!
//! A record becomes a packet of link type 197 (ERF), the same as ERF within pcap. The ports of a card are not
//! separate interfaces, because they see the two directions of one line.

use std::io;

use super::{
    Interface, PcapError,
    buffer::Buffer,
    link,
    packet::{Packet, Parsed},
    time::{self, Resolution},
    word::Order,
};

/// Octets of a record before its extension headers.
const HEADER: usize = 16;
const TYPE_AT: usize = 8;
const LENGTH_AT: usize = 10;
/// Types have seven bits. The eighth bit indicates extension headers.
const TYPE_MASK: u8 = 0x7f;
/// The highest type, except padding.
const LAST_TYPE: u8 = 29;
/// Types without packets: counters of flows, information about the card, padding.
const NO_PACKETS: [u8; 4] = [13, 14, 27, 48];
/// Time stamps have seconds and a fraction of 32 bits.
const RESOLUTION: Resolution = Resolution::Shift(32);

pub(super) struct Erf;

impl Erf {
    /// Returns true if a file with this beginning, perhaps only a few octets, may be an ERF file.
    pub(super) fn may_be(start: &[u8]) -> bool {
        let kind = start.get(TYPE_AT).map(|kind| kind & TYPE_MASK);
        let length = Order::Big.u16_at(start, LENGTH_AT);
        kind.is_none_or(|kind| (1..=LAST_TYPE).contains(&kind))
            && length.is_none_or(|length| usize::from(length) >= HEADER)
    }

    /// Returns the interface if a file with this beginning is an ERF file. `Err` has the number of octets needed to
    /// decide, or `None` if the file is in another format.
    pub(super) fn open(start: &[u8], ended: bool) -> Result<Interface, Option<usize>> {
        let length = Order::Big.u16_at(start, LENGTH_AT).map(usize::from);
        let length = length.ok_or((!ended).then_some(HEADER))?;
        let Some(next) = start.get(length..) else {
            return Err((!ended).then_some(length));
        };
        if next.len() < HEADER && !ended {
            return Err(Some(length + HEADER));
        }
        let sound = next.is_empty() || Self::may_be(next) || is_padding(next);
        sound.then(|| Interface::unnamed(link::ERF)).ok_or(None)
    }

    /// Reads a record.
    pub(super) fn parse<R: io::Read>(buffer: &mut Buffer<R>) -> Result<Parsed, PcapError> {
        let data = buffer.data();
        let (Some(fraction), Some(seconds), Some(kind), Some(length)) = (
            Order::Little.u32_at(data, 0),
            Order::Little.u32_at(data, 4),
            data.get(TYPE_AT),
            Order::Big.u16_at(data, LENGTH_AT),
        ) else {
            return Ok(Parsed::Needs(HEADER));
        };
        let whole = usize::from(length);
        if whole < HEADER {
            let why = format!("a packet record claims a length of {length} octets");
            return Err(PcapError::new(buffer.offset(), why));
        }
        if data.len() < whole {
            return Ok(Parsed::Needs(whole));
        }
        if NO_PACKETS.contains(&(kind & TYPE_MASK)) {
            buffer.take(whole, 0..0);
            return Ok(Parsed::Other);
        }
        let units = u64::from(seconds) << 32 | u64::from(fraction);
        Ok(Parsed::Packet(Packet {
            at: buffer.take(whole, 0..whole),
            length: u32::from(length),
            time: Some(time::stamp(units, RESOLUTION, 0)),
            interface: 0,
        }))
    }
}

fn is_padding(start: &[u8]) -> bool {
    start
        .get(TYPE_AT)
        .is_some_and(|kind| NO_PACKETS.contains(&(kind & TYPE_MASK)))
}
