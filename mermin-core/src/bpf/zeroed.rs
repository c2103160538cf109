//! Memory that costs nothing until it is written: the kernel gives zeroed pages on first touch.
#![expect(
    unsafe_code,
    reason = "zeroed memory is a value by a promise about its type"
)]

use crate::{
    filter::Standing,
    table::{entry::Entry, moment::Moment},
};

/// Plain data of which all bytes zero is a value.
///
/// # Safety
/// That it is.
pub(crate) unsafe trait Zero: Copy {}

// SAFETY: integers, and a `Moment`, which is one.
unsafe impl Zero for Entry {}
// SAFETY: an integer.
unsafe impl Zero for Moment {}
// SAFETY: an integer.
unsafe impl Zero for Standing {}

/// A slice of zeroes. `vec![T::default(); length]` would write each one.
pub(crate) fn slice<T: Zero>(length: usize) -> Box<[T]> {
    // SAFETY: by the contract of `Zero`.
    unsafe { Box::new_zeroed_slice(length).assume_init() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroes_are_what_a_slot_begins_with() {
        assert!(
            slice::<Entry>(3)
                .iter()
                .all(|entry| *entry == Entry::default())
        );
        assert!(slice::<Moment>(3).iter().all(|due| *due == Moment::NOW));
        assert!(
            slice::<Standing>(3)
                .iter()
                .all(|standing| *standing == Standing::UNDECIDED)
        );
    }
}
