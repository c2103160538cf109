//! UDP (RFC 768).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 8;

/// Reads both ports at `at`, of which the IP packet holds `available` octets.
///
/// `whole` says that the datagram's own length can be held against `available`: not for a fragment, and not for a
/// super-packet, whose header may speak of one segment.
///
/// # Errors
/// [`Reason::MalformedUdp`] when the header is cut or its length cannot be. 0 can: RFC 2675 writes it in jumbograms.
#[inline(always)]
pub fn parse<B: Bytes>(
    frame: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<[u16; 2], Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedUdp)?;
    let length = u32::from(header.be16(4));
    if available < LENGTH as u32 {
        return Err(Reason::MalformedUdp);
    }
    if whole && length != 0 && (length < LENGTH as u32 || length > available) {
        return Err(Reason::MalformedUdp);
    }
    Ok([header.be16(0), header.be16(2)])
}
