//! IPv4 (RFC 791).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of a header without options.
pub const LENGTH: usize = 20;
const FRAGMENT_OFFSET: u16 = 0x1fff;
const MORE_FRAGMENTS: u16 = 0x2000;

/// What is used of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Sender, as in memory.
    pub source: u32,
    /// Receiver, as in memory.
    pub destination: u32,
    /// IANA protocol number.
    pub protocol: u8,
    /// Type of service.
    pub traffic_class: u8,
    /// Time to live.
    pub ttl: u8,
    /// Octets of the header with its options.
    pub header_length: u32,
    /// Octets of the packet; from the frame's length where the header says 0 (BIG TCP, segmentation offload).
    pub length: u32,
    /// Not the first fragment: ports are not here.
    pub later_fragment: bool,
    /// A fragment, first or later: transport lengths speak of the whole.
    pub fragment: bool,
}

/// Reads the header at `at` in a frame of `frame_length` octets on the wire.
///
/// # Errors
/// [`Reason::MalformedIpv4`] when it is cut, of another version, shorter than it can be, or claims more than there is.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, frame_length: u32) -> Result<Ipv4, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIpv4)?;
    let first = header.u8(0);
    let header_length = u32::from(first & 0x0f) * 4;
    let available = frame_length.wrapping_sub(at as u32);
    let claimed = u32::from(header.be16(2));
    let length = if claimed == 0 { available } else { claimed };
    if first >> 4 != 4
        || header_length < LENGTH as u32
        || length < header_length
        || length > available
    {
        return Err(Reason::MalformedIpv4);
    }
    let fragment = header.be16(6);
    Ok(Ipv4 {
        source: header.raw32(12),
        destination: header.raw32(16),
        protocol: header.u8(9),
        traffic_class: header.u8(1),
        ttl: header.u8(8),
        header_length,
        length,
        later_fragment: fragment & FRAGMENT_OFFSET != 0,
        fragment: fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS) != 0,
    })
}
