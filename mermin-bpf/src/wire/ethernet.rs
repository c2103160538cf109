//! Ethernet II (IEEE 802.3).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 14;
/// Where the sender's MAC stands.
pub const SOURCE_AT: usize = 6;

/// The EtherType or 802.3 length at the start of a frame.
///
/// # Errors
/// [`Reason::MalformedEthernet`] for a frame shorter than its header.
#[inline(always)]
pub fn ethertype<B: Bytes>(frame: B) -> Result<u16, Reason> {
    let header = frame
        .window::<LENGTH>(0)
        .ok_or(Reason::MalformedEthernet)?;
    Ok(header.be16(12))
}
