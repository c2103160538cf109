//! Initial packets of QUIC (RFC 9000 section 17.2.2): version, and with the feature `quic` the `ClientHello` inside.

use super::{cursor::Cursor, end::End};

#[cfg(feature = "quic")]
mod crypto;
#[cfg(feature = "quic")]
mod frames;

#[cfg(feature = "quic")]
pub(super) use self::frames::Handshake;

/// Longest connection id of the versions that are known.
const LONGEST_ID: u8 = 20;

/// The header of an Initial packet, as far as it is not protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Initial<'a> {
    pub(super) version: u32,
    /// The connection id that the client chose for the server, from which keys follow.
    pub(super) destination: &'a [u8],
    /// Offset of the packet number, which header protection covers.
    pub(super) number_at: usize,
    /// Octets from there to the end of the packet.
    pub(super) length: usize,
}

/// Reads the header of the Initial packet that begins a datagram.
pub(super) fn initial(octets: &[u8]) -> Result<Initial<'_>, End> {
    let mut cursor = Cursor::of_part(octets);
    cursor.u8()?;
    let version = cursor.u32()?;
    let destination = id(&mut cursor)?;
    id(&mut cursor)?;
    let token = integer(&mut cursor)?;
    cursor.take(usize::try_from(token).map_err(|_| End::Malformed)?)?;
    let length = integer(&mut cursor)?;
    Ok(Initial {
        version,
        destination,
        number_at: octets.len() - cursor.rest().len(),
        length: usize::try_from(length).map_err(|_| End::Malformed)?,
    })
}

fn id<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], End> {
    let length = cursor.u8()?;
    if length > LONGEST_ID {
        return Err(End::Malformed);
    }
    cursor.take(length.into())
}

/// An integer of variable length (RFC 9000 section 16).
fn integer(cursor: &mut Cursor<'_>) -> Result<u64, End> {
    let first = cursor.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let rest = cursor.take(more)?;
    let first = u64::from(first & 0x3f);
    Ok(rest
        .iter()
        .fold(first, |number, &octet| number << 8 | u64::from(octet)))
}

#[cfg(test)]
pub(super) mod tests {
    #[cfg(feature = "quic")]
    pub(in crate::payload) use super::crypto::tests::{SAMPLE_V1, octets};
    use super::*;

    #[test]
    fn header_of_an_initial_packet_is_read() {
        let header = [
            &[0xc0, 0, 0, 0, 1, 2, 7, 8, 1, 9, 3][..],
            b"abc",
            &[0x44, 0xb0, 1, 2, 3],
        ]
        .concat();
        let found = initial(&header);
        let expected = Initial {
            version: 1,
            destination: &[7, 8],
            number_at: 16,
            length: 0x4b0,
        };
        assert_eq!(found, Ok(expected));
        for length in 0..16 {
            assert_eq!(initial(&header[..length]), Err(End::Cut), "{length}");
        }
        assert_eq!(initial(&[0xc0, 0, 0, 0, 1, 21]), Err(End::Malformed));
        let endless = [
            0xc0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!(initial(&endless), Err(End::Cut));
    }

    #[test]
    fn integers_have_four_lengths() {
        // RFC 9000 appendix A.1.
        for (octets, expected) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(integer(&mut Cursor::of_part(octets)), Ok(expected));
        }
    }
}
