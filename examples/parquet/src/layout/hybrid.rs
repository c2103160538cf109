//! Runs and packed bits, Parquet's encoding of levels and dictionary indexes (`RLE` in its list of encodings).

/// Returns the shortest run; shorter ones are packed with neighbouring values. A run takes about three octets, and
/// another header after it.
fn shortest_run(width: u8) -> usize {
    if width < 4 { 32 } else { 8 }
}

/// Returns the bits of the largest index for this many values.
pub(super) fn width(count: usize) -> u8 {
    let largest = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
    u8::try_from(u32::BITS - largest.leading_zeros()).unwrap_or(32)
}

/// Writes unsigned LEB128.
pub(super) fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Writes a run of one value.
pub(super) fn run(value: u32, count: usize, width: u8, into: &mut Vec<u8>) {
    varint((count as u64) << 1, into);
    into.extend_from_slice(&value.to_le_bytes()[..usize::from(width.div_ceil(8))]);
}

/// Writes values of this many bits each.
pub(super) fn values<T: Copy + PartialEq + Into<u32>>(all: &[T], width: u8, into: &mut Vec<u8>) {
    let shortest = shortest_run(width);
    let mut rest = all;
    // Values before the rest that will be packed.
    let mut waiting = 0;
    while let Some(first) = rest.get(waiting) {
        let from_here = &rest[waiting..];
        let looked_at = &from_here[..shortest.min(from_here.len())];
        if looked_at.iter().any(|value| value != first) || looked_at.len() < shortest {
            waiting = (waiting + 8).min(rest.len());
            continue;
        }
        let length = from_here
            .iter()
            .position(|value| value != first)
            .unwrap_or(from_here.len());
        packed(&rest[..waiting], width, into);
        run((*first).into(), length, width, into);
        rest = &from_here[length..];
        waiting = 0;
    }
    packed(rest, width, into);
}

/// Writes values packed in groups of eight; the last group is padded with zeros.
fn packed<T: Copy + Into<u32>>(values: &[T], width: u8, into: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(8) as u64) << 1 | 1, into);
    let (eights, rest) = values.as_chunks::<8>();
    into.reserve((eights.len() + 1) * usize::from(width));
    for eight in eights {
        pack(&(*eight).map(Into::into), width, into);
    }
    if !rest.is_empty() {
        let mut filled = [0; 8];
        for (place, value) in filled.iter_mut().zip(rest) {
            *place = (*value).into();
        }
        pack(&filled, width, into);
    }
}

/// Packs eight values, which take as many octets as each has bits.
fn pack(values: &[u32; 8], width: u8, into: &mut Vec<u8>) {
    let octets = usize::from(width);
    let four = |values: &[u32]| {
        let each = values.iter().rev();
        each.fold(0_u128, |bits, value| bits << width | u128::from(*value))
    };
    let (low, high) = (four(&values[..4]), four(&values[4..]));
    if width <= 16 {
        let bits = low | high << (4 * width);
        into.extend_from_slice(&bits.to_le_bytes()[..octets]);
        return;
    }
    let mut all = [0; 32];
    for (place, value) in values.iter().enumerate() {
        let bit = place * octets;
        let shifted = u64::from(*value) << (bit % 8);
        for (octet, part) in all[bit / 8..].iter_mut().zip(shifted.to_le_bytes()) {
            *octet |= part;
        }
    }
    into.extend_from_slice(&all[..octets]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the encoding as the format's specification describes it.
    fn read(mut octets: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let mut header = 0;
            for shift in (0..).step_by(7) {
                let (octet, rest) = octets.split_first().unwrap();
                octets = rest;
                header |= usize::from(octet & 0x7f) << shift;
                if octet & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = octets.split_at(usize::from(width).div_ceil(8));
                octets = rest;
                let mut four = [0; 4];
                four[..value.len()].copy_from_slice(value);
                values.extend(std::iter::repeat_n(u32::from_le_bytes(four), header >> 1));
            } else {
                let (packed, rest) = octets.split_at((header >> 1) * usize::from(width));
                octets = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                for value in 0..8 * (header >> 1) {
                    let at = value * usize::from(width);
                    let bits = (0..usize::from(width)).map(|place| bit(at + place) << place);
                    values.push(bits.sum());
                }
            }
        }
        assert!(octets.is_empty() && values.len() < count + 8);
        values.truncate(count);
        values
    }

    #[test]
    fn values_round_trip() {
        for width in 0..=32_u8 {
            let mask = u32::try_from((1_u64 << width) - 1).unwrap();
            let mut seed = 1_u32;
            let mut random = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed ^ seed >> 13
            };
            for length in (0..70).chain([1000]) {
                let mut all = Vec::new();
                while all.len() < length {
                    let value = random() & mask;
                    let times = [1, 2, 7, 8, 9, 31, 32][random() as usize % 7];
                    all.extend(std::iter::repeat_n(value, times));
                }
                all.truncate(length);
                let mut octets = Vec::new();
                values(&all, width, &mut octets);
                assert_eq!(read(&octets, width, length), all, "{width} {length}");
            }
        }
    }

    #[test]
    fn bit_width_is_minimal() {
        let widths = [0, 1, 2, 3, 4, 5, 256, 257, 65_536].map(width);
        assert_eq!(widths, [0, 0, 1, 2, 2, 3, 8, 9, 16]);
    }
}
