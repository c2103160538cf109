//! Frames of Initial packets (RFC 9000 section 19): the parts of a `ClientHello`.

use super::{Initial, crypto::Keys, initial, integer};
use crate::{
    flow::Tls,
    payload::{cursor::Cursor, end::End, tls},
};

/// Octets of a handshake that are put together. The client's first flight is a few packets, of each of which a section is at hand.
const MOST: usize = 4096;

const PADDING: u8 = 0;
const PING: u8 = 1;
const ACK: u8 = 2;
const ACK_WITH_ECN: u8 = 3;
const CRYPTO: u8 = 6;

/// The client's part of a handshake, as it comes in.
#[derive(Clone, Debug, Default)]
pub(in crate::payload) struct Handshake {
    /// Destination connection id of the client's first packet.
    first_destination: Vec<u8>,
    parts: Parts,
}

/// Octets of a handshake by their offset.
type Parts = Vec<(usize, Vec<u8>)>;

impl Handshake {
    /// Adds what an Initial packet holds, and reads the `ClientHello` as far as it is there. `None` if the version's keys are not known.
    pub(in crate::payload) fn add(&mut self, octets: &[u8]) -> Option<(Tls, End)> {
        let packet = match initial(octets) {
            Ok(packet) => packet,
            Err(end) => return Some((Tls::default(), end)),
        };
        // A Retry has the client choose another id, and keys follow from that (RFC 9001 section 5.2). The server's answer has it
        // choose one as well, and the keys stay.
        let own = Keys::new(packet.version, packet.destination)?;
        let is_first = self.first_destination.is_empty();
        if is_first {
            self.first_destination = packet.destination.to_vec();
        }
        let first = Keys::new(packet.version, &self.first_destination)?;
        let keys = [Some(own), (!is_first).then_some(first)];
        let opened: Vec<Parts> = keys
            .iter()
            .flatten()
            .filter_map(|keys| parts(keys, octets, &packet).ok())
            .collect();
        // With the wrong keys, one packet in a few hundred looks like one without a CRYPTO frame.
        let of_hello = opened.iter().find(|parts| !parts.is_empty());
        match of_hello.or(opened.first()) {
            Some(parts) => self.keep(parts),
            None => return Some((Tls::default(), End::Malformed)),
        }
        Some(tls::client_hello(&self.assembled()))
    }

    /// True if something of a hello has come.
    pub(in crate::payload) fn has_begun(&self) -> bool {
        !self.parts.is_empty()
    }

    fn keep(&mut self, parts: &Parts) {
        for (offset, part) in parts {
            if *offset < MOST && self.parts.len() < MOST / 16 {
                self.parts.push((*offset, part.clone()));
            }
        }
    }

    /// The handshake from its start to the first gap.
    fn assembled(&mut self) -> Vec<u8> {
        self.parts.sort_by_key(|(offset, _)| *offset);
        let mut octets = Vec::new();
        for (offset, part) in &self.parts {
            let Some(known) = octets.len().checked_sub(*offset) else {
                break;
            };
            octets.extend_from_slice(part.get(known..).unwrap_or_default());
        }
        octets.truncate(MOST);
        octets
    }
}

/// The CRYPTO frames of a packet, of which there may be none.
///
/// # Errors
/// If something of it cannot be read.
fn parts(keys: &Keys, octets: &[u8], packet: &Initial<'_>) -> Result<Parts, End> {
    let plain = keys.open(octets, packet).ok_or(End::Malformed)?;
    let mut parts = Vec::new();
    match frames(&plain, &mut parts) {
        Ok(()) | Err(End::Cut) => {}
        Err(end) => return Err(end),
    }
    let owned = parts
        .into_iter()
        .map(|(offset, part)| (offset, part.to_vec()));
    Ok(owned.collect())
}

/// Offsets and octets of CRYPTO frames.
fn frames<'a>(plain: &'a [u8], parts: &mut Vec<(usize, &'a [u8])>) -> Result<(), End> {
    let mut cursor = Cursor::of_part(plain);
    while !cursor.is_empty() {
        match cursor.u8()? {
            PADDING | PING => {}
            kind @ (ACK | ACK_WITH_ECN) => {
                // Largest, delay, and the first range behind the number of ranges.
                integer(&mut cursor)?;
                integer(&mut cursor)?;
                let ranges = integer(&mut cursor)?;
                let ecn = if kind == ACK_WITH_ECN { 3 } else { 0 };
                let fields = ranges.saturating_mul(2).saturating_add(1 + ecn);
                for _ in 0..fields {
                    integer(&mut cursor)?;
                }
            }
            CRYPTO => {
                let offset = usize::try_from(integer(&mut cursor)?).map_err(|_| End::Malformed)?;
                let length = usize::try_from(integer(&mut cursor)?).map_err(|_| End::Malformed)?;
                let part = cursor.part(length)?;
                parts.push((offset, part.rest()));
                if part.is_cut() {
                    return Err(End::Cut);
                }
            }
            _ => return Err(End::Malformed),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{
        quic::crypto::tests::{SAMPLE_V1, octets},
        tls::tests::{hello, sni},
    };

    #[test]
    fn packet_of_rfc_9001_names_its_server() {
        let packet = octets(SAMPLE_V1);
        let (found, end) = Handshake::default().add(&packet).unwrap();
        assert_eq!(found.server_name.as_deref(), Some("example.com"));
        // The hello goes on behind the section.
        assert_eq!(end, End::Cut);
        for length in 0..packet.len() {
            let (found, end) = Handshake::default().add(&packet[..length]).unwrap();
            assert!(end != End::Whole, "{length}");
            assert!(found.server_name.is_none() || length > 90, "{length}");
        }
    }

    #[test]
    fn packet_with_another_key_is_malformed() {
        let mut packet = octets(SAMPLE_V1);
        packet[7] ^= 1;
        let found = Handshake::default().add(&packet);
        assert_eq!(found, Some((Tls::default(), End::Malformed)));
        packet[1] = 0x51;
        assert_eq!(Handshake::default().add(&packet), None);
    }

    #[test]
    fn packet_without_a_part_of_the_hello_loses_none() {
        let message = hello(&sni(b"kept.example"));
        let (one, other) = message.split_at(60);
        let mut handshake = Handshake {
            first_destination: vec![1],
            parts: vec![(0, one.to_vec())],
        };
        for without in [&[0; 40][..], &[1, 0, 1], &[2, 5, 0, 0, 0, 0]] {
            let mut parts = Vec::new();
            assert_eq!(frames(without, &mut parts), Ok(()));
            assert_eq!(parts, []);
        }
        handshake.keep(&Vec::new());
        handshake.keep(&vec![(60, other.to_vec())]);
        assert_eq!(handshake.assembled(), message);
    }

    #[test]
    fn frames_may_come_in_any_order() {
        let message = hello(&sni(b"scattered.example"));
        for at in 1..message.len() {
            let (one, other) = message.split_at(at);
            let mut handshake = Handshake {
                parts: vec![(at, other.to_vec()), (0, one.to_vec()), (0, one.to_vec())],
                ..Handshake::default()
            };
            assert_eq!(handshake.assembled(), message);
            handshake.parts = vec![(at, other.to_vec())];
            assert!(handshake.assembled().is_empty());
        }
    }

    #[test]
    fn frames_before_a_crypto_frame_are_skipped() {
        let plain = [
            &[
                0, 1, 2, 5, 0, 1, 0, 0, 0, 3, 5, 0, 0, 0, 1, 2, 3, 6, 0x40, 2, 3,
            ][..],
            b"abc",
        ]
        .concat();
        let mut parts = Vec::new();
        assert_eq!(frames(&plain, &mut parts), Ok(()));
        assert_eq!(parts, [(2, &b"abc"[..])]);
        let mut parts = Vec::new();
        assert_eq!(frames(&plain[..plain.len() - 1], &mut parts), Err(End::Cut));
        assert_eq!(parts, [(2, &b"ab"[..])]);
        assert_eq!(frames(&[7], &mut Vec::new()), Err(End::Malformed));
        // As many ranges as an integer can say.
        let endless = [2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(frames(&endless, &mut Vec::new()), Err(End::Cut));
    }
}
