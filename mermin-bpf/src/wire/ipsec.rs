//! ESP (RFC 4303) and AH (RFC 4302): the security parameters index, which can be read without a key.
//!
//! The parser does not look behind AH. An index names one direction of one association, so the flow is the
//! association's, as with ESP, and both have records of the same form.

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of an ESP header: index and sequence number.
pub const ESP_LENGTH: usize = 8;
/// Octets of an authentication header without check value.
pub const AH_LENGTH: usize = 12;

/// Reads the index of an ESP header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedTransport`] when the header is truncated.
#[inline(always)]
pub fn esp<B: Bytes>(frame: B, at: usize, available: u32) -> Result<u32, Reason> {
    let header = frame
        .window::<ESP_LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    if available < ESP_LENGTH as u32 {
        return Err(Reason::MalformedTransport);
    }
    Ok(header.be32(0))
}

/// Reads the index of an authentication header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedTransport`] when the header is truncated or its length is invalid.
#[inline(always)]
pub fn ah<B: Bytes>(frame: B, at: usize, available: u32) -> Result<u32, Reason> {
    let header = frame
        .window::<AH_LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    let length = (u32::from(header.u8(1)) + 2) * 4;
    if length < AH_LENGTH as u32 || length > available {
        return Err(Reason::MalformedTransport);
    }
    Ok(header.be32(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    const ESP: [u8; 8] = [0xc0, 0x00, 0x10, 0x01, 0, 0, 0, 7];
    /// TCP follows a check value of 12 octets.
    const AH: [u8; 24] = [
        6, 4, 0, 0, 0xc0, 0x00, 0x10, 0x02, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    #[test]
    fn index_is_found() {
        assert_eq!(esp(&ESP[..], 0, 8), Ok(0xc000_1001));
        assert_eq!(ah(&AH[..], 0, 24), Ok(0xc000_1002));
    }

    #[test]
    fn invalid_length_is_malformed() {
        let malformed = Err(Reason::MalformedTransport);
        assert_eq!(ah(&AH[..], 0, 23), malformed);
        assert_eq!(ah(&with(AH.to_vec(), 1, &[0])[..], 0, 24), malformed);
        assert_eq!(ah(&with(AH.to_vec(), 1, &[5])[..], 0, 24), malformed);
        assert_eq!(ah(&with(AH.to_vec(), 1, &[1])[..], 0, 24), Ok(0xc000_1002));
        assert_eq!(esp(&ESP[..], 0, 7), malformed);
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..ESP_LENGTH {
            let cut = esp(&ESP[..length], 0, 8);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
        }
        for length in 0..AH_LENGTH {
            let cut = ah(&AH[..length], 0, 24);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
        }
    }
}
