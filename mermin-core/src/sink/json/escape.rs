//! JSON strings, RFC 8259 section 7.

/// Position of the first octet that needs an escape. Eight octets are checked at a time by arithmetic on one word.
pub(super) fn first_to_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // Sets the high bit of each octet that is zero, and of some octets behind one.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, _) = text.as_chunks::<8>();
    let plain = words
        .iter()
        .take_while(|word| {
            let word = u64::from_le_bytes(**word);
            let below_space = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            below_space | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) == 0
        })
        .count();
    let needs_escape = |octet: &u8| matches!(octet, 0..0x20 | b'"' | b'\\');
    let from = 8 * plain;
    text[from..]
        .iter()
        .position(needs_escape)
        .map(|at| from + at)
}

pub(super) fn escape(octet: u8, put: impl FnOnce(&[u8])) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match octet {
        b'"' | b'\\' => put(&[b'\\', octet]),
        b'\n' => put(b"\\n"),
        b'\t' => put(b"\\t"),
        b'\r' => put(b"\\r"),
        _ => {
            let [high, low] = [octet >> 4, octet & 15].map(|digit| HEX[usize::from(digit)]);
            put(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn first_octet_to_escape_is_found(text in "[ !\"#\\\\a\u{7f}\u{80}\u{e000}\x00-\x21]{0,40}") {
            let needs_escape = |octet: &u8| matches!(octet, 0..0x20 | b'"' | b'\\');
            let expected = text.as_bytes().iter().position(needs_escape);
            prop_assert_eq!(first_to_escape(text.as_bytes()), expected);
        }
    }
}
