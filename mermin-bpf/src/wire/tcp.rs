//! TCP (RFC 9293).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of a header without options.
pub const LENGTH: usize = 20;

/// Offset of the sequence number in the header.
pub const SEQUENCE_AT: usize = 4;
/// Offset of the acknowledgment number in the header.
pub const ACKNOWLEDGMENT_AT: usize = 8;
/// Offset of the window in the header.
pub const WINDOW_AT: usize = 14;

/// Flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// ECN echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;

    /// The flags for which `kind`, below 16, is in a set: bit `n` of each is kind `n`.
    #[inline(always)]
    pub(in crate::wire) const fn of_sets(kind: u8, syn: u16, ack: u16, rst: u16) -> u8 {
        let [syn, ack, rst] = [(syn >> kind) & 1, (ack >> kind) & 1, (rst >> kind) & 1];
        (syn as u8 * SYN) | (ack as u8 * ACK) | (rst as u8 * RST)
    }
}

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sender's and receiver's port.
    pub ports: [u16; 2],
    /// Bits of [`flag`].
    pub flags: u8,
    /// Octets of the header with its options.
    pub header_length: u32,
}

/// Reads the header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedTcp`] when it is truncated or its offset is invalid.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Tcp, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedTcp)?;
    let header_length = u32::from(header.u8(12) >> 4) * 4;
    if header_length < LENGTH as u32 || header_length > available {
        return Err(Reason::MalformedTcp);
    }
    Ok(Tcp {
        ports: [header.be16(0), header.be16(2)],
        flags: header.u8(13),
        header_length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// A SYN with the maximum segment size as its only option.
    const SYN: [u8; 24] = [
        0xc7, 0x38, 0x01, 0xbb, // 51,000 to 443
        0x01, 0x02, 0x03, 0x04, // sequence
        0x00, 0x00, 0x00, 0x00, // acknowledgement
        0x60, 0x02, 0xfa, 0xf0, // 24 octets, SYN
        0x00, 0x00, 0x00, 0x00, // checksum, urgent pointer
        0x02, 0x04, 0x05, 0xb4, // 1,460
    ];

    fn offset(words: u8, available: u32) -> Result<u32, Reason> {
        let bytes = with(SYN.to_vec(), 12, &[words << 4]);
        parse(&bytes[..], 0, available).map(|header| header.header_length)
    }

    #[test]
    fn header_fields_are_read() {
        let expected = Tcp {
            ports: [51_000, 443],
            flags: flag::SYN,
            header_length: 24,
        };
        assert_eq!(parse(&SYN[..], 0, 24), Ok(expected));
    }

    #[test]
    fn every_flag_is_read() {
        let bytes = with(SYN.to_vec(), 13, &[0xff]);
        let flags = parse(&bytes[..], 0, 24).map(|header| header.flags);
        assert_eq!(flags, Ok(0xff));
    }

    #[test]
    fn invalid_data_offset_is_malformed() {
        assert_eq!(offset(5, 20), Ok(20));
        assert_eq!(offset(15, 60), Ok(60));
        for words in 0..5 {
            assert_eq!(
                offset(words, 60),
                Err(Reason::MalformedTcp),
                "{words} words"
            );
        }
        assert_eq!(
            offset(6, 23),
            Err(Reason::MalformedTcp),
            "beyond the packet"
        );
        assert_eq!(
            offset(5, 19),
            Err(Reason::MalformedTcp),
            "nor without options"
        );
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&SYN[..length], 0, 24);
            assert_eq!(cut, Err(Reason::MalformedTcp), "{length} octets");
        }
    }
}
