//! The part of Protocol Buffers that OTLP needs.

/// Wire types: the encoding after a field's key.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;

/// Returns the key of a field. Field numbers of OTLP are below 16, so it is one octet.
const fn key(field: u8, wire: u8) -> u8 {
    field << 3 | wire
}

/// Returns the octets of a number as a varint.
pub(crate) const fn varint_length(number: u64) -> usize {
    // Seven bits per octet; zero takes one octet.
    (63 - (number | 1).leading_zeros() as usize) / 7 + 1
}

pub(crate) fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends a number field.
pub(crate) fn number(out: &mut Vec<u8>, field: u8, number: u64) {
    out.push(key(field, VARINT));
    varint(out, number);
}

/// Appends a field of eight octets.
pub(crate) fn fixed64(out: &mut Vec<u8>, field: u8, number: u64) {
    let mut octets = [key(field, FIXED64); 9];
    if let Some(place) = octets.get_mut(1..) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&octets);
}

/// Appends the beginning of a text, octets or message field with this length.
pub(crate) fn begin(out: &mut Vec<u8>, field: u8, length: usize) {
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.extend_from_slice(&[key(field, LENGTH), short]);
    } else {
        out.push(key(field, LENGTH));
        varint(out, length as u64);
    }
}

/// Returns the octets of such a field.
pub(crate) const fn field_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

/// Appends a text or octets field.
pub(crate) fn octets(out: &mut Vec<u8>, field: u8, octets: &[u8]) {
    begin(out, field, octets.len());
    out.extend_from_slice(octets);
}

/// Appends a message field whose length is known after it is written.
///
/// It reserves two octets for the length, which is enough for nearly every span; otherwise the message moves.
pub(crate) fn message(out: &mut Vec<u8>, field: u8, put: impl FnOnce(&mut Vec<u8>)) {
    const ROOM: usize = 2;
    out.push(key(field, LENGTH));
    let start = out.len();
    out.extend_from_slice(&[0; ROOM]);
    put(out);
    let length = (out.len() - start - ROOM) as u64;
    let needed = varint_length(length);
    if needed == ROOM {
        let [low, high, ..] = length.to_le_bytes();
        if let Some(place) = out.get_mut(start..start + ROOM) {
            place.copy_from_slice(&[low | 0x80, high << 1 | low >> 7]);
        }
        return;
    }
    let mut prefix = Vec::with_capacity(needed);
    varint(&mut prefix, length);
    out.splice(start..start + ROOM, prefix);
}

#[cfg(test)]
mod tests {
    use prost::encoding;

    use super::*;

    #[test]
    fn varints_of_each_length_equal_prost() {
        for bits in 0..64 {
            for number in [1_u64 << bits, (1_u64 << bits) - 1, u64::MAX >> bits] {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                varint(&mut ours, number);
                encoding::encode_varint(number, &mut theirs);
                assert_eq!(ours, theirs);
                assert_eq!(ours.len(), varint_length(number));
            }
        }
    }

    #[test]
    fn messages_of_any_length_equal_prost() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            let content = vec![7; length];
            let (mut ours, mut theirs, mut known) = (vec![1], vec![1], vec![1]);
            message(&mut ours, 5, |out| out.extend_from_slice(&content));
            encoding::bytes::encode(5, &content, &mut theirs);
            octets(&mut known, 5, &content);
            assert_eq!(ours, theirs, "{length}");
            assert_eq!(known, theirs, "{length}");
            assert_eq!(field_length(length), theirs.len() - 1);
        }
    }

    #[test]
    fn other_fields_equal_prost() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        number(&mut ours, 6, 300);
        fixed64(&mut ours, 7, u64::MAX - 1);
        encoding::uint64::encode(6, &300, &mut theirs);
        encoding::fixed64::encode(7, &(u64::MAX - 1), &mut theirs);
        assert_eq!(ours, theirs);
    }
}
