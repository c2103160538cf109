//! Free slots of an instance. Each process that takes it over makes a stack of its own for them.
//!
//! An earlier process may have been killed between emptying a slot and returning it, and then the slot is not on its stack.
//! So new flows switch to a new stack, which has some numbers of the old one. One grace period later nothing uses the
//! old stack any more. Every slot that is free, was in use before the switch and was not moved has no owner.

use std::os::fd::BorrowedFd;

use mermin_bpf::abi::slot::state;

use crate::{
    bpf::{free::FreeSlots, slab::Slab},
    failpoint::{FailPoint, fail_point},
};

/// Numbers moved before the switch, for the flows that begin until the rest is found.
const AHEAD: u32 = 4096;

/// Free slots that move to the new stack.
#[derive(Debug)]
pub(crate) struct FreeStack {
    old: Option<FreeSlots>,
    /// Slots below this were used before the switch.
    known: u32,
    moved: Bits,
}

impl FreeStack {
    /// Moves some numbers from the old stack, if there is one, to the new one. Call it before the switch.
    pub(crate) fn move_some(old: Option<FreeSlots>, slab: &Slab, new: &mut FreeSlots) -> Self {
        let known = slab.touched();
        let mut moved = Bits::new(known);
        if let Some(old) = &old {
            for _ in 0..AHEAD.min(known) {
                let Some(slot) = old.pop() else {
                    break;
                };
                // Of a stack that something else has changed only free slots are taken, each once.
                if slot >= known || slab.state(slot) != state::FREE || !moved.insert(slot) {
                    continue;
                }
                fail_point(FailPoint::Moving);
                new.give_back(slot);
            }
        }
        Self { old, known, moved }
    }

    /// Returns the number of slots that were used before the switch, those that moved, and the map of the old stack.
    pub(crate) fn parts(&self) -> (u32, Vec<u32>, Option<BorrowedFd<'_>>) {
        let moved = (0..self.known).filter(|slot| self.moved.has(*slot));
        let old = self.old.as_ref().map(FreeSlots::map);
        (self.known, moved.collect(), old)
    }

    /// Restores free slots from their [`parts`](Self::parts).
    pub(crate) fn from_parts(known: u32, moved: &[u32], old: Option<FreeSlots>) -> Self {
        let mut bits = Bits::new(known);
        for slot in moved {
            bits.insert(*slot);
        }
        Self {
            old,
            known,
            moved: bits,
        }
    }

    /// Returns the slots without an owner. Call it a grace period after the switch.
    pub(crate) fn rest(self, slab: &Slab) -> RemainingSlots {
        let mut free = Bits::new(slab.touched());
        let mut left = 0;
        let unmoved = (0..self.known)
            .filter(|slot| slab.state(*slot) == state::FREE && !self.moved.has(*slot));
        for slot in unmoved {
            left += u64::from(free.insert(slot));
        }
        // An old program may have taken slots that were never used, after the switch began, and kept them.
        let late = self.old.iter().flat_map(FreeSlots::spares);
        for slot in late.filter(|slot| (self.known..slab.touched()).contains(slot)) {
            left += u64::from(free.insert(slot));
        }
        let next = free.len();
        RemainingSlots { free, next, left }
    }
}

/// Free slots that are not on the stack.
#[derive(Debug, Default)]
pub(crate) struct RemainingSlots {
    free: Bits,
    next: u32,
    left: u64,
}

impl RemainingSlots {
    /// Returns the number of slots left.
    pub(crate) fn len(&self) -> u64 {
        self.left
    }

    /// Puts up to `most` of them on the stack, the highest first, so that the lowest are used first.
    pub(crate) fn give_back(&mut self, slots: &mut FreeSlots, most: u32) {
        let mut given = 0;
        while self.left != 0 && given < most {
            self.next -= 1;
            if self.free.has(self.next) {
                slots.give_back(self.next);
                self.left -= 1;
                given += 1;
                fail_point(FailPoint::Returning);
            }
        }
    }
}

/// A set of slots.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(length: u32) -> Self {
        Self(vec![0; (length as usize).div_ceil(64)])
    }

    fn len(&self) -> u32 {
        u32::try_from(self.0.len() * 64).unwrap_or(u32::MAX)
    }

    /// Returns true if the slot was not in the set.
    fn insert(&mut self, slot: u32) -> bool {
        let bit = 1 << (slot % 64);
        let word = self.0.get_mut(slot as usize / 64);
        word.is_some_and(|word| {
            let is_new = *word & bit == 0;
            *word |= bit;
            is_new
        })
    }

    fn has(&self, slot: u32) -> bool {
        let word = self.0.get(slot as usize / 64);
        word.is_some_and(|word| word & 1 << (slot % 64) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_contains_its_inserted_values() {
        let mut bits = Bits::new(100);
        assert!(bits.len() >= 100);
        for slot in [0, 63, 64, 99] {
            assert!(!bits.has(slot));
            assert!(bits.insert(slot));
            assert!(bits.has(slot) && !bits.insert(slot));
        }
        assert!(!bits.has(1) && !bits.has(1000) && !bits.insert(1000));
    }
}
