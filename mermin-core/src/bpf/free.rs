//! Returns free slots to the kernel program.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use mermin_bpf::{
    abi::free::{FreeLine, FreeShape, SPARES, Top},
    index::free::{self, FreeMemory, Taken},
};

use super::size::Sizes;
use crate::sys::{bpf_pin, mapping::Mapping};

/// The stack of free slots, and each CPU's spare slots.
#[derive(Debug)]
pub(crate) struct FreeSlots {
    lines: Mapping<FreeLine>,
    shape: FreeShape,
    map: OwnedFd,
}

impl FreeSlots {
    pub(crate) fn new(lines: Mapping<FreeLine>, shape: FreeShape, map: OwnedFd) -> Self {
        Self { lines, shape, map }
    }

    /// Opens the map of an earlier process; `None` if it is not as this build would create it.
    pub(crate) fn found(map: OwnedFd, sizes: Sizes) -> Option<Self> {
        let shape = sizes.free();
        let lines = shape.lines(sizes.slots);
        let wanted = bpf_pin::array_shape(size_of::<FreeLine>(), lines);
        if bpf_pin::shape(map.as_fd()).ok()? != wanted {
            return None;
        }
        let lines = Mapping::new(map.as_fd(), lines as usize).ok()?;
        Some(Self::new(lines, shape, map))
    }

    /// Returns the map.
    pub(crate) fn map(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// Gives a slot back to the kernel program. Takes no system call.
    pub(crate) fn give_back(&mut self, slot: u32) {
        free::push(self, slot);
    }

    /// Gives back the slots that CPUs took and did not use, so that others may use them.
    pub(crate) fn give_spares_back(&mut self) {
        for cpu in 0..self.shape.cpus {
            while let Some(slot) = free::take_spare(self, cpu) {
                free::push(self, slot);
            }
        }
    }

    /// Returns the number of slots on the stack.
    pub(crate) fn stack_height(&self) -> u32 {
        self.top().count()
    }

    /// Takes the uppermost slot, if there is one.
    pub(crate) fn pop(&self) -> Option<u32> {
        loop {
            match free::pop(self) {
                Taken::Slot(slot) => return Some(slot),
                Taken::Nothing => return None,
                Taken::Overtaken => {}
            }
        }
    }

    /// Lists the slots that CPUs took and did not use.
    pub(crate) fn spares(&self) -> impl Iterator<Item = u32> {
        let words =
            (0..self.shape.cpus).flat_map(|cpu| (0..SPARES).map(move |number| (cpu, number)));
        words.filter_map(|(cpu, number)| self.spare(cpu, number).checked_sub(1))
    }

    /// Lists the slots on the stack.
    #[cfg(feature = "__lab")]
    pub(crate) fn stacked(&self) -> impl Iterator<Item = u32> {
        (0..self.top().count()).map(|place| self.number(place))
    }

    fn word(&self, line: u32, number: usize) -> &AtomicU32 {
        let line = self.lines.at(line as usize);
        // SAFETY: within the mapping, which lives as long as `self`, for the shape's numbers; they are only changed atomically.
        unsafe { AtomicU32::from_ptr(&raw mut (*line).numbers[number]) }
    }

    fn top_word(&self) -> &AtomicU64 {
        // SAFETY: the first eight octets of the mapping, aligned; they are only changed atomically.
        unsafe { AtomicU64::from_ptr(self.lines.at(0).cast()) }
    }
}

impl FreeMemory for FreeSlots {
    fn top(&self) -> Top {
        Top(self.top_word().load(Ordering::SeqCst))
    }

    fn swap_top(&self, from: Top, to: Top) -> bool {
        self.top_word()
            .compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn number(&self, place: u32) -> u32 {
        let (line, number) = self.shape.place(place);
        self.word(line, number).load(Ordering::SeqCst)
    }

    fn set_number(&self, place: u32, number: u32) {
        let (line, at) = self.shape.place(place);
        // The change of the top comes later, and is a barrier.
        self.word(line, at).store(number, Ordering::Relaxed);
    }

    fn spare(&self, cpu: u32, number: usize) -> u32 {
        self.word(self.shape.spare(cpu), number)
            .load(Ordering::SeqCst)
    }

    fn swap_spare(&self, cpu: u32, number: usize, to: u32) -> u32 {
        self.word(self.shape.spare(cpu), number)
            .swap(to, Ordering::SeqCst)
    }
}

/// Compares free slots with the slots while no packet comes.
#[cfg(feature = "__lab")]
impl FreeSlots {
    /// Returns a text for each slot that breaks this rule: a slot that was used and has no flow is free once, and no other
    /// slot is free.
    pub(crate) fn defects(&self, slab: &super::slab::Slab) -> Vec<String> {
        use mermin_bpf::abi::slot::state;

        let mut here = vec![0_u32; slab.touched() as usize];
        let mut defects = Vec::new();
        for slot in self.stacked().chain(self.spares()) {
            match here.get_mut(slot as usize) {
                Some(times) => *times += 1,
                None => defects.push(format!("slot {slot} is free, and was never used")),
            }
        }
        for (slot, times) in (0..).zip(here) {
            let is_free = slab.state(slot) == state::FREE;
            if times != u32::from(is_free) {
                let state = slab.state(slot);
                defects.push(format!(
                    "slot {slot} of state {state} is free {times} times"
                ));
            }
        }
        defects
    }
}
