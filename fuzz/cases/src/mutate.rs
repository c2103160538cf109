//! Changes to octets by chance that is the same every time: not as cunning as a fuzzer that sees the code, but there
//! wherever `cargo test` is.

/// Numbers by chance (xorshift64*).
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A beginning for each seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    /// A number below `end`; 0 for none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % end.max(1)
    }

    fn octet(&mut self) -> u8 {
        // Likely values of lengths, types and versions.
        const LIKELY: [u8; 16] = [
            0, 1, 4, 6, 8, 17, 20, 40, 43, 44, 47, 58, 60, 0x45, 0x60, 255,
        ];
        let any = self.below(512);
        u8::try_from(any).unwrap_or(LIKELY[any % LIKELY.len()])
    }
}

/// Changes some octets: one to eight times one of set, flip, insert, remove, repeat, cut.
pub fn mutate(octets: &mut Vec<u8>, chance: &mut Chance) {
    const LONGEST: usize = 4096;
    for _ in 0..=chance.below(8) {
        let at = chance.below(octets.len());
        let some = 1 + chance.below(8);
        let end = (at + some).min(octets.len());
        match chance.below(8) {
            0..=2 if !octets.is_empty() => octets[at] = chance.octet(),
            3 if !octets.is_empty() => octets[at] ^= 1 << chance.below(8),
            4 => octets.insert(at, chance.octet()),
            5 => drop(octets.drain(at..end)),
            6 if octets.len() < LONGEST => octets.extend_from_within(at..end),
            7 if some == 8 => octets.truncate(at),
            _ => octets.push(chance.octet()),
        }
    }
}
