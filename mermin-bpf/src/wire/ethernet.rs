//! Ethernet II (IEEE 802.3).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 14;
/// Offset of the sender's MAC.
pub const SOURCE_AT: usize = 6;
/// Octets of a MAC address.
pub const MAC: usize = 6;

/// The EtherType or 802.3 length of a header at `at`, in a layer that ends at `end`.
///
/// # Errors
/// [`Reason::MalformedEthernet`] when the header is truncated.
#[inline(always)]
pub fn ethertype<B: Bytes>(frame: B, at: usize, end: u32) -> Result<u16, Reason> {
    let header = frame
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedEthernet)?;
    if (at + LENGTH) as u32 > end {
        return Err(Reason::MalformedEthernet);
    }
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
    fn header_names_its_payload() {
        assert_eq!(ethertype(&HEADER[..], 0, 14), Ok(kind::IPV6));
        assert_eq!(HEADER[SOURCE_AT..][..6], [2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = ethertype(&HEADER[..length], 0, 14);
            assert_eq!(cut, Err(Reason::MalformedEthernet), "{length} octets");
            let short = ethertype(&HEADER[..], 0, length as u32);
            assert_eq!(short, Err(Reason::MalformedEthernet), "{length} octets");
        }
    }
}
