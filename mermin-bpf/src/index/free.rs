//! Free slots: how a packet takes one, and how user space returns it, at the same time and without a lock.

use crate::abi::free::{SPARES, Top};

/// The memory of free slots, as the kernel program or user space reads and changes it.
///
/// Each method reads or changes one word at once. A change is a full barrier.
pub trait FreeMemory {
    /// The top. Numbers that are read after it are at least as new.
    fn top(&self) -> Top;

    /// Changes the top if it is `from`. True if it was. All who see the new top also see the numbers that were written before
    /// it.
    fn swap_top(&self, from: Top, to: Top) -> bool;

    /// The number at a place of the stack.
    fn number(&self, place: u32) -> u32;

    /// Writes a number to a place of the stack.
    fn set_number(&self, place: u32, number: u32);

    /// One of a CPU's spare slots plus one; 0 for none.
    fn spare(&self, cpu: u32, number: usize) -> u32;

    /// Exchanges one of a CPU's spare slots for another; returns the former one.
    fn swap_spare(&self, cpu: u32, number: usize, to: u32) -> u32;
}

/// Result of taking a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The slot's number. The slot belongs to the caller.
    Slot(u32),
    /// The stack is empty. A slot that was never used may still be free.
    Nothing,
    /// Others changed the stack meanwhile: try again.
    Overtaken,
}

/// How often [`pop`] tries. A verifier walks the code of each attempt.
const ATTEMPTS: usize = 3;

/// Takes one of the CPU's spare slots, otherwise the uppermost of the stack.
#[inline(always)]
pub fn take<M: FreeMemory>(memory: &M, cpu: u32) -> Taken {
    match take_spare(memory, cpu) {
        Some(slot) => Taken::Slot(slot),
        None => pop(memory),
    }
}

/// Takes one of a CPU's spare slots, if there is one.
#[inline(always)]
pub fn take_spare<M: FreeMemory>(memory: &M, cpu: u32) -> Option<u32> {
    for number in 0..SPARES {
        // Nearly always there is none, and a load costs less than an exchange.
        if memory.spare(cpu, number) != 0
            && let Some(slot) = memory.swap_spare(cpu, number, 0).checked_sub(1)
        {
            return Some(slot);
        }
    }
    None
}

/// Takes the uppermost slot of the stack.
///
/// The number is read before the top is changed, because after that change its place may be written. Every push and pop
/// gives the top another value. So the exchange fails after any push or pop in between, even if the stack has as many numbers
/// as before.
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

/// Keeps a slot that this CPU took and did not use.
///
/// A run takes from the stack only if its CPU has no spare slot. So a CPU has at most as many spare slots as runs that
/// interrupt each other. Up to [`SPARES`] such runs, one of the exchanges finds an empty place.
#[inline(always)]
pub fn keep<M: FreeMemory>(memory: &M, cpu: u32, slot: u32) {
    let mut kept = slot + 1;
    for number in 0..SPARES {
        // A spare that another run kept meanwhile moves on.
        kept = memory.swap_spare(cpu, number, kept);
        if kept == 0 {
            return;
        }
    }
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
