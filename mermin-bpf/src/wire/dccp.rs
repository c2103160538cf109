//! DCCP (RFC 4340): the generic header.

use super::{
    bytes::{Bytes, Window},
    tcp::flag,
};
use crate::abi::ledger::Reason;

/// Octets of the shortest header, with sequence numbers of 24 bits.
pub const LENGTH: usize = 12;

/// Offset of the lower 32 bits of a sequence number of 48, which Request and Response have.
pub const SEQUENCE_AT: usize = 12;

/// Types of packets (RFC 4340 section 5.1).
mod kind {
    pub(super) const REQUEST: u8 = 0;
    pub(super) const RESPONSE: u8 = 1;
    pub(super) const RESET: u8 = 7;
}

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dccp {
    /// Sender's and receiver's port.
    pub ports: [u16; 2],
    /// TCP flags of the same meaning, if the packet's type opens or ends a connection; else 0.
    pub flags: u8,
    /// Octets before the application's data.
    pub header_length: u32,
}

/// Reads the header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedTransport`] when it is truncated or its data offset is invalid.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Dccp, Reason> {
    let header = frame
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    let header_length = u32::from(header.u8(4)) * 4;
    if header_length < LENGTH as u32 || header_length > available {
        return Err(Reason::MalformedTransport);
    }
    Ok(Dccp {
        ports: [header.be16(0), header.be16(2)],
        flags: flag::of_sets(
            header.u8(8) >> 1 & 0x0f,
            1 << kind::REQUEST | 1 << kind::RESPONSE,
            1 << kind::RESPONSE,
            1 << kind::RESET,
        ),
        header_length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// A request from port 5001 to port 5002: 16 octets of header, service code.
    const REQUEST: [u8; 20] = [
        0x13, 0x89, 0x13, 0x8a, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x07, 0x00, 0x00, 0x00, 0x2a,
    ];

    fn offset(words: u8, available: u32) -> Result<u32, Reason> {
        parse(&with(REQUEST.to_vec(), 4, &[words])[..], 0, available)
            .map(|header| header.header_length)
    }

    #[test]
    fn header_fields_are_read() {
        let expected = Dccp {
            ports: [5001, 5002],
            flags: flag::SYN,
            header_length: 20,
        };
        assert_eq!(parse(&REQUEST[..], 0, 20), Ok(expected));
    }

    #[test]
    fn connection_begins_and_ends() {
        for kind in 0..16 {
            for extended in [0, 1] {
                let octet = 0b1010_0000 | kind << 1 | extended;
                let found = parse(&with(REQUEST.to_vec(), 8, &[octet])[..], 0, 20);
                let expected = match kind {
                    0 => flag::SYN,
                    1 => flag::SYN | flag::ACK,
                    7 => flag::RST,
                    _ => 0,
                };
                assert_eq!(found.map(|found| found.flags), Ok(expected), "{kind}");
            }
        }
    }

    #[test]
    fn invalid_data_offset_is_malformed() {
        assert_eq!(offset(3, 12), Ok(12));
        assert_eq!(offset(2, 20), Err(Reason::MalformedTransport));
        assert_eq!(offset(6, 20), Err(Reason::MalformedTransport));
        assert_eq!(offset(255, 1020), Ok(1020));
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&REQUEST[..length], 0, 20);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
        }
    }
}
