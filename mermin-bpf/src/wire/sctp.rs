//! SCTP (RFC 9260): the common header, and the first chunk's type.

use super::{
    bytes::{Bytes, Window},
    tcp::flag,
};
use crate::abi::ledger::Reason;

/// Octets of the common header.
pub const COMMON: usize = 12;
/// Octets of the common header and of the first chunk's header; a packet has both.
pub const LENGTH: usize = 16;

/// Offset of the initiate tag in INIT and INIT ACK, from the common header on.
pub const INITIATE_TAG_AT: usize = COMMON + 4;

/// Types of chunks (RFC 9260 section 3.2).
mod chunk {
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const ABORT: u8 = 6;
    pub(super) const COOKIE_ECHO: u8 = 10;
    pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
}

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// Sender's and receiver's port.
    pub ports: [u16; 2],
    /// TCP flags of the same meaning, if the first chunk opens or ends an association; else 0. INIT, INIT ACK and
    /// SHUTDOWN COMPLETE are alone in their packet (RFC 9260 section 6.10).
    pub flags: u8,
}

/// Reads the header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedTransport`] when it is truncated.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Sctp, Reason> {
    let header = frame
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedTransport);
    }
    Ok(Sctp {
        ports: [header.be16(0), header.be16(2)],
        flags: flags(header.u8(COMMON)),
    })
}

/// Returns the flags of a chunk type, by sets of types: a verifier would follow one path for each type to the end.
#[inline(always)]
const fn flags(kind: u8) -> u8 {
    if kind > chunk::SHUTDOWN_COMPLETE {
        return 0;
    }
    flag::of_sets(
        kind,
        1 << chunk::INIT | 1 << chunk::INIT_ACK,
        1 << chunk::INIT_ACK | 1 << chunk::COOKIE_ECHO,
        1 << chunk::ABORT | 1 << chunk::SHUTDOWN_COMPLETE,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// From port 2905 to port 38412, verification tag and checksum, then a chunk of data.
    const HEADER: [u8; LENGTH] = [
        0x0b, 0x59, 0x96, 0x0c, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04, 0, 3, 0, 20,
    ];

    #[test]
    fn header_fields_are_read() {
        let expected = Sctp {
            ports: [2905, 38_412],
            flags: 0,
        };
        assert_eq!(parse(&HEADER[..], 0, 16), Ok(expected));
    }

    #[test]
    fn association_begins_and_ends() {
        for kind in 0..=u8::MAX {
            let found = parse(&with(HEADER.to_vec(), 12, &[kind])[..], 0, 16);
            let expected = match kind {
                1 => flag::SYN,
                2 => flag::SYN | flag::ACK,
                10 => flag::ACK,
                6 | 14 => flag::RST,
                _ => 0,
            };
            assert_eq!(found.map(|found| found.flags), Ok(expected), "{kind}");
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 16);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
            let short = parse(&HEADER[..], 0, length as u32);
            assert_eq!(short, Err(Reason::MalformedTransport), "{length} octets");
        }
    }
}
