//! Encodes differences of consecutive values: `DELTA_BINARY_PACKED` and `DELTA_BYTE_ARRAY`.

use super::hybrid::varint;

/// Differences per block. A block has one minimum.
const BLOCK: usize = 128;
/// Differences packed with one bit width.
const PACKED: usize = 32;

fn zigzag(number: i64, into: &mut Vec<u8>) {
    varint((number << 1 ^ number >> 63).cast_unsigned(), into);
}

/// Encodes integers.
pub(super) fn numbers(all: &[i64], into: &mut Vec<u8>) {
    varint(BLOCK as u64, into);
    varint((BLOCK / PACKED) as u64, into);
    varint(all.len() as u64, into);
    let Some(first) = all.first() else {
        return zigzag(0, into);
    };
    zigzag(*first, into);
    let mut before = *first;
    for block in all[1..].chunks(BLOCK) {
        let mut deltas = [0_i64; BLOCK];
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(before);
            before = *value;
        }
        self::block(&mut deltas, block.len(), into);
    }
}

fn block(deltas: &mut [i64; BLOCK], length: usize, into: &mut Vec<u8>) {
    let least = deltas[..length].iter().copied().min().unwrap_or(0);
    zigzag(least, into);
    // Zeros follow the last difference, with widths of zero.
    deltas[length..].fill(least);
    let mut widths = [0; BLOCK / PACKED];
    let parts = deltas.chunks(PACKED);
    for (width, part) in widths.iter_mut().zip(parts.clone()) {
        let all = part.iter().map(|delta| delta.wrapping_sub(least));
        let bits = all.fold(0, |bits, delta| bits | delta.cast_unsigned());
        *width = u8::try_from(u64::BITS - bits.leading_zeros()).unwrap_or(64);
    }
    into.extend_from_slice(&widths);
    for (width, part) in widths.into_iter().zip(parts).take(length.div_ceil(PACKED)) {
        let all = part.iter().map(|delta| delta.wrapping_sub(least));
        pack(all.map(i64::cast_unsigned), width, into);
    }
}

/// Packs 32 values, which fill whole words.
fn pack(values: impl Iterator<Item = u64>, width: u8, into: &mut Vec<u8>) {
    let (mut waiting, mut bits) = (0_u128, 0);
    for value in values {
        waiting |= u128::from(value) << bits;
        bits += width;
        while bits >= 32 {
            into.extend_from_slice(&waiting.to_le_bytes()[..4]);
            waiting >>= 32;
            bits -= 32;
        }
    }
}

/// Encodes texts by the length of the prefix shared with the previous one, and the rest.
pub(super) fn texts(shared: &[i64], lengths: &[i64], rests: &[u8], into: &mut Vec<u8>) {
    numbers(shared, into);
    numbers(lengths, into);
    into.extend_from_slice(rests);
}
