//! Provider backbone bridges (IEEE 802.1ah): a customer's frame behind the tag of its service.

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets between the tag's EtherType and the customer's frame.
pub const LENGTH: usize = 4;
const SERVICE_MASK: u32 = 0x00ff_ffff;

/// The service (I-SID) that the tag at `at` names.
///
/// # Errors
/// [`Reason::MalformedEthernet`] when it is truncated.
#[inline(always)]
pub fn service<B: Bytes>(bytes: B, at: usize) -> Result<u32, Reason> {
    let tag = bytes
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedEthernet)?;
    Ok(tag.be32(0) & SERVICE_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_names_its_service() {
        // Priority 7, eligible to be dropped, customer addresses in use.
        let tag: &[u8] = &[0xf8, 0x12, 0x34, 0x56];
        assert_eq!(service(tag, 0), Ok(0x12_3456));
    }

    #[test]
    fn cut_tag_is_malformed() {
        for length in 0..LENGTH {
            let cut = service(&[0; LENGTH][..length], 0);
            assert_eq!(cut, Err(Reason::MalformedEthernet), "{length} octets");
        }
    }
}
