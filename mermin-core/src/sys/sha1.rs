//! SHA-1 of one block by the processor's own instructions.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instructions are not on every processor")
)]

/// Octets of a block.
pub(crate) const BLOCK: usize = 64;

/// The state after one block; this is the digest if the block is the only one, with its padding. `None` on a processor without
/// the instructions: use a library then.
#[inline]
pub(crate) fn one_block(block: &[u8; BLOCK]) -> Option<[u8; 20]> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1") {
        // SAFETY: the processor has the features that the function is compiled for.
        return Some(unsafe { x86::one_block(block) });
    }
    let _ = block;
    None
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_set_epi32, _mm_sha1msg1_epu32,
        _mm_sha1msg2_epu32, _mm_sha1nexte_epu32, _mm_sha1rnds4_epu32, _mm_xor_si128,
    };

    use super::BLOCK;

    /// FIPS 180-4 section 5.3.1.
    const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    const START_E: u32 = 0xc3d2_e1f0;

    #[target_feature(enable = "sha,sse2,sse4.1")]
    pub(super) fn one_block(block: &[u8; BLOCK]) -> [u8; 20] {
        let words = |words: [u32; 4]| {
            let [a, b, c, d] = words.map(u32::cast_signed);
            // The first word is in the upper lane.
            _mm_set_epi32(a, b, c, d)
        };
        let word = |at: usize| {
            let octets = block[at..].first_chunk().copied().unwrap_or_default();
            u32::from_be_bytes(octets)
        };
        let mut schedule = [0, 16, 32, 48].map(|at| words([at, at + 4, at + 8, at + 12].map(word)));
        let (start, start_e) = (words(START), words([START_E, 0, 0, 0]));

        let (mut before, mut state) = (start, start);
        let mut step = 0;
        // The first four words of 80 are added to `e`; later ones to what the state before becomes as `e`.
        let mut next = |before: __m128i, is_first: bool| {
            let [w0, w1, w2, w3] = schedule;
            let new = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3);
            let now = if step < 4 { schedule[step] } else { new };
            if step >= 4 {
                schedule = [w1, w2, w3, new];
            }
            step += 1;
            if is_first {
                _mm_add_epi32(start_e, now)
            } else {
                _mm_sha1nexte_epu32(before, now)
            }
        };
        macro_rules! twenty_rounds {
            ($function:literal) => {
                for group in 0..5 {
                    let with_e = next(before, $function == 0 && group == 0);
                    before = state;
                    state = _mm_sha1rnds4_epu32::<$function>(state, with_e);
                }
            };
        }
        twenty_rounds!(0);
        twenty_rounds!(1);
        twenty_rounds!(2);
        twenty_rounds!(3);
        let e = _mm_sha1nexte_epu32(before, start_e);
        let state = _mm_add_epi32(state, start);

        let words = [
            _mm_extract_epi32::<3>(state),
            _mm_extract_epi32::<2>(state),
            _mm_extract_epi32::<1>(state),
            _mm_extract_epi32::<0>(state),
            _mm_extract_epi32::<3>(e),
        ];
        let mut digest = [0; 20];
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn block_has_the_digest_of_the_library(message in proptest::collection::vec(any::<u8>(), 0..56)) {
            let mut block = [0; BLOCK];
            block[..message.len()].copy_from_slice(&message);
            block[message.len()] = 0x80;
            block[56..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
            if let Some(digest) = one_block(&block) {
                prop_assert_eq!(digest, sha1_smol::Sha1::from(&message).digest().bytes());
            }
        }
    }
}
