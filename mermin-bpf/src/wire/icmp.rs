//! ICMP (RFC 792) and ICMPv6 (RFC 4443).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets up to and including the identifier.
pub const LENGTH: usize = 8;

/// What is used of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Message type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// The two octets that are the identifier in a query or its answer.
    pub identifier: u16,
}

/// Reads the header at `at`, of which the IP packet holds `available` octets.
///
/// # Errors
/// [`Reason::MalformedIcmp`] when it is cut.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Icmp, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIcmp)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedIcmp);
    }
    Ok(Icmp {
        kind: header.u8(0),
        code: header.u8(1),
        identifier: header.be16(4),
    })
}
