//! Which flow is due next.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::slot::Slot;

/// Moments at which slots are to be looked at. A slot may have several; its own latest word counts.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Timers {
    /// Has a slot looked at when it is due, and not before.
    pub(super) fn schedule(&mut self, slot: &mut Slot, number: u32, due: u64) {
        slot.due = due;
        self.heap.push(Reverse((due, number)));
    }

    /// When the earliest is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The earliest that is due by `now`.
    pub(super) fn pop(&mut self, now: u64) -> Option<(u64, u32)> {
        let &Reverse((due, slot)) = self.heap.peek()?;
        if due > now {
            return None;
        }
        self.heap.pop();
        Some((due, slot))
    }
}
