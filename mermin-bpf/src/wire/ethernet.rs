//! Ethernet II (IEEE 802.3).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 14;
/// Where the sender's MAC stands.
pub const SOURCE_AT: usize = 6;
/// Octets of a MAC address.
pub const MAC: usize = 6;

/// The EtherType or 802.3 length at the start of a frame.
///
/// # Errors
/// [`Reason::MalformedEthernet`] for a frame shorter than its header.
#[inline(always)]
pub fn ethertype<B: Bytes>(frame: B) -> Result<u16, Reason> {
    let header = frame.window::<LENGTH>(0).ok_or(Reason::MalformedEthernet)?;
    Ok(header.be16(12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethertype as kind;

    const HEADER: [u8; LENGTH] = [
        0x02, 0x00, 0x00, 0x00, 0x00, 0x02, // receiver
        0x02, 0x00, 0x00, 0x00, 0x00, 0x01, // sender
        0x86, 0xdd, // IPv6
    ];

    #[test]
    fn a_header_names_its_payload() {
        assert_eq!(ethertype(&HEADER[..]), Ok(kind::IPV6));
        assert_eq!(HEADER[SOURCE_AT..][..6], [2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = ethertype(&HEADER[..length]);
            assert_eq!(cut, Err(Reason::MalformedEthernet), "{length} octets");
        }
    }
}
