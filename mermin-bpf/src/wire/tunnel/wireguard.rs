//! `WireGuard`: the session's indices in its messages. The content is encrypted, so the flow is the carrier's own.

use super::{Bytes, Window};

/// Octets of the shortest message, an empty packet: header and authentication tag.
const SHORTEST: u32 = 32;
/// Octets up to both indices.
const INDICES: usize = 12;
/// Octets of each kind of handshake message, whose length is fixed.
const INITIATION: u32 = 148;
const RESPONSE: u32 = 92;
const COOKIE: u32 = 64;

/// Indices in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indices {
    /// The sender's own.
    pub sender: Option<u32>,
    /// The receiver's.
    pub receiver: Option<u32>,
}

/// Reads a message at `at`, which has `available` octets; `None` if it is not `WireGuard`.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Option<Indices> {
    if available < SHORTEST {
        return None;
    }
    let message = bytes.window::<INDICES>(at)?;
    // A type and three reserved octets.
    let (first, second) = (message.raw32(0), message.raw32(4));
    let (first, second) = (u32::from_le(first), u32::from_le(second));
    let third = u32::from_le(message.raw32(8));
    let (sender, receiver) = match (first, available) {
        (1, INITIATION) => (Some(second), None),
        (2, RESPONSE) => (Some(second), Some(third)),
        (3, COOKIE) => (None, Some(second)),
        // Data is padded to a multiple of 16.
        (4, length) if length % 16 == 0 => (None, Some(second)),
        _ => return None,
    };
    Some(Indices { sender, receiver })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = std::vec![0; length];
        bytes[0] = kind;
        bytes[4..12].copy_from_slice(&[1, 0, 0, 0x80, 2, 0, 0, 0]);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<[Option<u32>; 2]> {
        parse(bytes, 0, bytes.len() as u32).map(|found| [found.sender, found.receiver])
    }

    #[test]
    fn every_message_names_its_indices() {
        let (first, second) = (Some(0x8000_0001), Some(2));
        assert_eq!(read(&message(1, 148)), Some([first, None]));
        assert_eq!(read(&message(2, 92)), Some([first, second]));
        assert_eq!(read(&message(3, 64)), Some([None, first]));
        assert_eq!(read(&message(4, 32)), Some([None, first]), "keepalive");
        assert_eq!(read(&message(4, 1456)), Some([None, first]));
    }

    #[test]
    fn other_payloads_are_no_tunnel() {
        for (kind, length) in [
            (0, 148),
            (5, 64),
            (1, 147),
            (2, 93),
            (3, 63),
            (4, 33),
            (4, 16),
        ] {
            assert_eq!(read(&message(kind, length)), None, "{kind}, {length}");
        }
        let mut reserved = message(4, 64);
        reserved[2] = 1;
        assert_eq!(read(&reserved), None);
        for length in 0..INDICES {
            assert_eq!(parse(&message(4, 64)[..length], 0, 64), None);
        }
    }
}
