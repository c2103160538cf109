//! Free slots: how a packet takes one, and how user space returns it, at the same time and without a lock.

use crate::abi::free::Top;

/// The memory of free slots, as one of those that work on it reaches it.
///
/// Each method reads or changes one word at once. A change is a full barrier.
pub trait FreeMemory {
    /// The top. Numbers that are read afterwards are at least as new.
    fn top(&self) -> Top;

    /// Changes the top if it is `from`. True if it was. Numbers written before are seen by all who see the new top.
    fn swap_top(&self, from: Top, to: Top) -> bool;

    /// The number at a place of the stack.
    fn number(&self, place: u32) -> u32;

    /// Writes a number to a place of the stack.
    fn set_number(&self, place: u32, number: u32);

    /// A CPU's spare slot plus one; 0 for none.
    fn spare(&self, cpu: u32) -> u32;

    /// Exchanges a CPU's spare slot for another; returns the former one.
    fn swap_spare(&self, cpu: u32, to: u32) -> u32;
}

/// Result of taking a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The slot's number. It belongs to who took it.
    Slot(u32),
    /// No slot was given back.
    Nothing,
    /// Others changed the stack meanwhile: try again.
    Overtaken,
}

/// How often [`pop`] tries. A verifier follows each time separately.
const ATTEMPTS: usize = 3;

/// Takes the CPU's spare slot, otherwise the uppermost of the stack.
#[inline(always)]
pub fn take<M: FreeMemory>(memory: &M, cpu: u32) -> Taken {
    match take_spare(memory, cpu) {
        Some(slot) => Taken::Slot(slot),
        None => pop(memory),
    }
}

/// Takes a CPU's spare slot, if there is one.
#[inline(always)]
pub fn take_spare<M: FreeMemory>(memory: &M, cpu: u32) -> Option<u32> {
    // Nearly always there is none, and a load costs less than an exchange.
    if memory.spare(cpu) == 0 {
        return None;
    }
    memory.swap_spare(cpu, 0).checked_sub(1)
}

/// Takes the uppermost slot of the stack.
///
/// The number is read before the top is changed: from then on its place may be written. The top changes with every push and
/// pop, so the change fails if the number is not the uppermost any more, even if another one stands in its place.
#[inline(always)]
pub fn pop<M: FreeMemory>(memory: &M) -> Taken {
    for _ in 0..ATTEMPTS {
        let top = memory.top();
        let Some(place) = top.uppermost() else {
            return Taken::Nothing;
        };
        let number = memory.number(place);
        if memory.swap_top(top, top.popped()) {
            return Taken::Slot(number);
        }
    }
    Taken::Overtaken
}

/// Keeps a slot that this CPU took and did not use. It has no other: its last [`take`] would have taken that.
#[inline(always)]
pub fn keep<M: FreeMemory>(memory: &M, cpu: u32, slot: u32) {
    memory.swap_spare(cpu, slot + 1);
}

/// Pushes a slot. Only one thread of user space does this at a time: the places above the top are its own.
pub fn push<M: FreeMemory>(memory: &M, slot: u32) {
    loop {
        let top = memory.top();
        memory.set_number(top.count(), slot);
        if memory.swap_top(top, top.pushed()) {
            return;
        }
    }
}
