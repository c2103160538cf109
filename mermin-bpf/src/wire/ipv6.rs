//! IPv6 (RFC 8200): the fixed header. What follows it is in [`extension`](super::extension).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 40;

/// What is used of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Sender, as in memory.
    pub source: [u64; 2],
    /// Receiver, as in memory.
    pub destination: [u64; 2],
    /// Protocol number of what follows the fixed header.
    pub next_header: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit.
    pub ttl: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Octets of the packet with this header; from the frame's length where the header says 0 (jumbograms of RFC 2675,
    /// BIG TCP).
    pub length: u32,
    /// The header's own length was 0.
    pub jumbo: bool,
}

/// Reads the header at `at` in a frame of `frame_length` octets on the wire.
///
/// # Errors
/// [`Reason::MalformedIpv6`] when it is cut, of another version, or claims more than there is.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, frame_length: u32) -> Result<Ipv6, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIpv6)?;
    let first = header.be32(0);
    let available = frame_length.wrapping_sub(at as u32);
    let payload = u32::from(header.be16(4));
    let next_header = header.u8(6);
    // A length of 0 stands for a long packet only in front of hop-by-hop options, or in a buffer longer than 65,535.
    let jumbo = payload == 0
        && (next_header == super::protocol::HOP_BY_HOP || available > u32::from(u16::MAX));
    let length = if jumbo {
        available
    } else {
        payload + LENGTH as u32
    };
    if first >> 28 != 6 || length > available {
        return Err(Reason::MalformedIpv6);
    }
    Ok(Ipv6 {
        source: [header.raw64(8), header.raw64(16)],
        destination: [header.raw64(24), header.raw64(32)],
        next_header,
        traffic_class: (first >> 20) as u8,
        ttl: header.u8(7),
        flow_label: first & 0xf_ffff,
        length,
        jumbo,
    })
}
