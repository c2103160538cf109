//! Cisco `MetaData`: a security group's tag before a frame's EtherType.
//!
//! The known layout is that of Wireshark and Snort: version 1, a length of 1 (in units of eight octets, with both
//! EtherTypes), and one option of four octets, which is the tag. Another version or length may have another layout.

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets behind the EtherType that announces it, with the EtherType that follows.
pub const LENGTH: usize = 8;
/// Version and length.
const KNOWN: u16 = 0x0101;

/// The EtherType behind the header at `at`.
///
/// # Errors
/// [`Reason::MalformedEthernet`] when it is truncated, [`Reason::OtherEthertype`] for another version or length.
#[inline(always)]
pub fn ethertype<B: Bytes>(bytes: B, at: usize) -> Result<u16, Reason> {
    let header = bytes
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedEthernet)?;
    if header.be16(0) != KNOWN {
        return Err(Reason::OtherEthertype);
    }
    Ok(header.be16(6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ethertype as kind, testing::with};

    /// Group 100 before IPv4.
    const HEADER: [u8; LENGTH] = [1, 1, 0, 1, 0, 100, 0x08, 0x00];

    #[test]
    fn header_names_its_payload() {
        assert_eq!(ethertype(&HEADER[..], 0), Ok(kind::IPV4));
    }

    #[test]
    fn other_layout_is_rejected() {
        for (at, octet) in [(0, 0), (0, 2), (1, 0), (1, 2)] {
            let other = with(HEADER.to_vec(), at, &[octet]);
            assert_eq!(ethertype(&other[..], 0), Err(Reason::OtherEthertype));
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = ethertype(&HEADER[..length], 0);
            assert_eq!(cut, Err(Reason::MalformedEthernet), "{length} octets");
        }
    }
}
