//! The stack of free slots is made anew by each process that takes an instance over.
//!
//! Its predecessor may have been killed between emptying a slot and giving it back, and then the slot is in no stack;
//! which ones are, a stack does not tell. So new flows are switched to a stack that is empty but for some numbers taken
//! off the old one. One grace period later nothing uses the old stack any more, and every slot that is free, was in use
//! before the switch and was not moved belongs to nobody.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::slot::state;

use crate::{
    bpf::{index::Index, slab::Slab},
    failpoint::{FailPoint, fail_point},
    sys::bpf_pin,
};

/// Numbers that are moved before the switch, for the flows that begin until the rest is found.
const AHEAD: u32 = 4096;
/// Numbers first used during the switch are looked for in the old stack, up to this many.
const LATE: u32 = 1024;

/// Free slots on their way to the new stack.
#[derive(Debug)]
pub(crate) struct FreeStack {
    old: Option<OwnedFd>,
    /// Slots below this were used before the switch.
    known: u32,
    moved: Bits,
}

impl FreeStack {
    /// Moves some numbers from the old stack, if it was found, to the new one. To be called before the switch.
    pub(crate) fn move_some(old: Option<OwnedFd>, slab: &Slab, index: &Index) -> io::Result<Self> {
        let known = slab.touched();
        let mut moved = Bits::new(known);
        if let Some(old) = &old {
            for _ in 0..AHEAD.min(known) {
                let Some(slot) = bpf_pin::pop(old.as_fd())? else {
                    break;
                };
                moved.set(slot);
                fail_point(FailPoint::Moving);
                index.give_back(slot)?;
            }
        }
        Ok(Self { old, known, moved })
    }

    /// Slots that belong to nobody. To be called a grace period after the switch.
    pub(crate) fn rest(self, slab: &Slab) -> io::Result<RemainingSlots> {
        let mut free = Bits::new(slab.touched());
        let mut left = 0;
        for slot in 0..self.known {
            if slab.state(slot) == state::FREE && !self.moved.has(slot) {
                free.set(slot);
                left += 1;
            }
        }
        let late = (slab.touched() - self.known).min(LATE);
        if let Some(old) = self.old.filter(|_| late != 0) {
            for _ in 0..late {
                match bpf_pin::pop(old.as_fd())? {
                    Some(slot) if slot >= self.known => {
                        free.set(slot);
                        left += 1;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        }
        let next = free.len();
        Ok(RemainingSlots { free, next, left })
    }
}

/// Free slots that are in no stack.
#[derive(Debug, Default)]
pub(crate) struct RemainingSlots {
    free: Bits,
    next: u32,
    left: u64,
}

impl RemainingSlots {
    /// How many there are still.
    pub(crate) fn len(&self) -> u64 {
        self.left
    }

    /// Puts up to `most` of them into the stack, the highest first, so that the lowest are used first.
    pub(crate) fn give_back(&mut self, index: &Index, most: u32) -> io::Result<()> {
        let mut given = 0;
        while self.left != 0 && given < most {
            self.next -= 1;
            if self.free.has(self.next) {
                index.give_back(self.next)?;
                self.left -= 1;
                given += 1;
                fail_point(FailPoint::Returning);
            }
        }
        Ok(())
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

    fn set(&mut self, slot: u32) {
        if let Some(word) = self.0.get_mut(slot as usize / 64) {
            *word |= 1 << (slot % 64);
        }
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
            bits.set(slot);
            assert!(bits.has(slot));
        }
        assert!(!bits.has(1) && !bits.has(1000));
    }
}
