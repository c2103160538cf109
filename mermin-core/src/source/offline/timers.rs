//! Due times of flows.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::slot::Slot;

/// Due times of slots. A slot may have several; its own field has the valid one.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Timers {
    /// Adds a due time of a slot.
    pub(super) fn schedule(&mut self, slot: &mut Slot, number: u32, due: u64) {
        slot.due = due;
        self.heap.push(Reverse((due, number)));
    }

    /// The earliest due time.
    pub(super) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The earliest slot that is due by `now`.
    pub(super) fn pop(&mut self, now: u64) -> Option<(u64, u32)> {
        let &Reverse((due, slot)) = self.heap.peek()?;
        if due > now {
            return None;
        }
        self.heap.pop();
        Some((due, slot))
    }
}
