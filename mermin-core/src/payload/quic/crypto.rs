//! Keys of Initial packets, which follow from fields of the packet (RFC 9001 section 5.2, RFC 9369 section 3.3).
//!
//! A section lacks the end of its packet, and so the authentication tag. The payload is decrypted by the counter mode of AES-GCM alone. If
//! the key was wrong, the frames in it are invalid.

use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use hkdf::Hkdf;
use sha2::Sha256;

use super::Initial;
use crate::flow::QuicVersion;

const BLOCK: usize = 16;
/// Counter of the first block of a payload. The counter before it is the tag's (NIST SP 800-38D section 7.1).
const FIRST_BLOCK: u32 = 2;
/// Offset of the sample from the packet number (RFC 9001 section 5.4.2).
const SAMPLE_AT: usize = 4;

type Salt = [u8; 20];

/// Salt of a version, and the beginning of its labels.
fn salt(version: u32) -> Option<(&'static Salt, &'static str)> {
    const V1: Salt = [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];
    const V2: Salt = [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ];
    // draft-ietf-quic-tls-29, -23 and -21, section 5.2.
    const DRAFT_29: Salt = [
        0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11,
        0xe0, 0x43, 0x90, 0xa8, 0x99,
    ];
    const DRAFT_23: Salt = [
        0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63,
        0x65, 0xbe, 0xf9, 0xf5, 0x02,
    ];
    const DRAFT_21: Salt = [
        0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e,
        0xbd, 0x7a, 0x02, 0x64, 0x4a,
    ];
    Some(match version {
        version if version == QuicVersion::V2.0 => (&V2, "quicv2 "),
        1 | 0xff00_0021..=0xff00_0022 => (&V1, "quic "),
        0xff00_001d..=0xff00_0020 => (&DRAFT_29, "quic "),
        0xff00_0015..=0xff00_0016 | 0xface_b001 => (&DRAFT_21, "quic "),
        // The last ones are Meta's, of draft 27.
        0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00e => (&DRAFT_23, "quic "),
        _ => return None,
    })
}

/// Keys of the packets that a client protects.
pub(super) struct Keys {
    key: Aes128,
    iv: [u8; 12],
    protection: Aes128,
}

impl Keys {
    /// Derives the keys from the version and the client's first destination connection id. `None` for an unknown version.
    pub(super) fn new(version: u32, destination: &[u8]) -> Option<Self> {
        let (salt, label) = salt(version)?;
        let initial = Hkdf::<Sha256>::new(Some(salt), destination);
        let secret: [u8; 32] = expand(&initial, "", "client in")?;
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let key: [u8; BLOCK] = expand(&secret, label, "key")?;
        let protection: [u8; BLOCK] = expand(&secret, label, "hp")?;
        Some(Self {
            key: Aes128::new(&key.into()),
            iv: expand(&secret, label, "iv")?,
            protection: Aes128::new(&protection.into()),
        })
    }

    /// The payload of a packet as far as its octets are at hand. `None` if too few are, or if the key is another.
    pub(super) fn open(&self, octets: &[u8], packet: &Initial<'_>) -> Option<Vec<u8>> {
        const RESERVED: u8 = 0x0c;
        const TAG: usize = 16;
        let protected = octets.get(packet.number_at..)?;
        let sample: [u8; BLOCK] = *protected.get(SAMPLE_AT..)?.first_chunk()?;
        let mask = encrypted(&self.protection, sample);
        let [first, ..] = *octets else { return None };
        let first = first ^ mask[0] & 0x0f;
        if first & RESERVED != 0 {
            return None;
        }
        let digits = usize::from(first & 3) + 1;
        let (number, payload) = protected.split_at_checked(digits)?;
        let number = number
            .iter()
            .zip(&mask[1..])
            .fold(0_u32, |number, (octet, mask)| {
                number << 8 | u32::from(octet ^ mask)
            });
        let length = packet.length.checked_sub(digits + TAG)?;
        Some(self.decrypt(number, payload.get(..length).unwrap_or(payload)))
    }

    fn decrypt(&self, number: u32, payload: &[u8]) -> Vec<u8> {
        let mut counter = [0; BLOCK];
        counter[..12].copy_from_slice(&self.iv);
        for (octet, digit) in counter[8..12].iter_mut().zip(number.to_be_bytes()) {
            *octet ^= digit;
        }
        let mut plain = payload.to_vec();
        for (block, place) in plain.chunks_mut(BLOCK).zip(FIRST_BLOCK..) {
            counter[12..].copy_from_slice(&place.to_be_bytes());
            for (octet, stream) in block.iter_mut().zip(encrypted(&self.key, counter)) {
                *octet ^= stream;
            }
        }
        plain
    }
}

fn encrypted(key: &Aes128, block: [u8; BLOCK]) -> [u8; BLOCK] {
    let mut block = block.into();
    key.encrypt_block(&mut block);
    block.into()
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, prefix: &str, label: &str) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let name = ["tls13 ", prefix, label];
    let octets = u8::try_from(name.iter().map(|part| part.len()).sum::<usize>()).ok()?;
    let mut info = vec![length[0], length[1], octets];
    info.extend(name.iter().flat_map(|part| part.bytes()));
    info.push(0);
    let mut key = [0; N];
    secret.expand(&info, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::payload::quic::initial;

    /// RFC 9001 appendix A.2: the client's Initial packet, as far as a section goes.
    pub(in crate::payload) const SAMPLE_V1: &str = "\
        c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c\
        0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c\
        8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89\
        eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c208\
        4dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e\
        610ac8b7ec3faf6ad760b7bad1db4ba3";

    pub(in crate::payload) fn octets(digits: &str) -> Vec<u8> {
        let digits: Vec<_> = digits.bytes().collect();
        let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(octet).collect()
    }

    #[test]
    fn keys_of_rfc_9001_open_its_packet() {
        let packet = octets(SAMPLE_V1);
        assert_eq!(packet.len(), 256);
        let header = initial(&packet).unwrap();
        let keys = Keys::new(header.version, header.destination).unwrap();
        assert_eq!(keys.iv.to_vec(), octets("fa044b2f42a3fd3b46fb255c"));
        let plain = keys.open(&packet, &header).unwrap();
        // A CRYPTO frame of 241 octets with a ClientHello.
        assert_eq!(plain[..8], octets("060040f1010000ed"));
        let other = Keys::new(1, b"another").unwrap();
        assert_ne!(other.open(&packet, &header), Some(plain));
    }

    #[test]
    fn keys_of_rfc_9369_open_its_packet() {
        let keys = Keys::new(0x6b33_43cf, &octets("8394c8f03e515708")).unwrap();
        assert_eq!(keys.iv.to_vec(), octets("91f73e2351d8fa91660e909f"));
        assert!(Keys::new(0x5130_3530, b"google").is_none());
    }
}
