//! Due times of flows.

use std::{array, mem};

/// A due time, and the slot that is due.
type DueTime = (u64, u32);

/// A time that is not reached.
const NEVER: u64 = u64::MAX;

/// Due times of slots.
///
/// A radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, 1990): time only advances, so a due time is compared with the latest
/// one that was reached, and moves to a lower list when its list is the earliest. Lists are read in sequence; a binary
/// heap of as many flows waits for memory at each level.
#[derive(Debug)]
pub(super) struct Timers {
    /// The valid due time of each slot, by its number, or [`NEVER`]. Former due times of a slot stay in the lists below until they are
    /// reached. They are void, and found to be so without a look at the slot, which is far away in memory.
    valid: Vec<u64>,
    /// The latest due time that was reached.
    reached: u64,
    /// Timers due by `reached`, the latest first.
    due: Vec<DueTime>,
    /// Later timers, by the highest bit in which their time differs from `reached`.
    later: [Vec<DueTime>; 64],
    /// The earliest time in each list of `later` that is not empty.
    earliest: [u64; 64],
    /// A bit for each list of `later` that is not empty.
    filled: u64,
    /// Nothing is due before this time, so most packets look no further.
    soonest: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            valid: Vec::new(),
            reached: 0,
            due: Vec::new(),
            later: array::from_fn(|_| Vec::new()),
            earliest: [NEVER; 64],
            filled: 0,
            soonest: NEVER,
        }
    }
}

impl Timers {
    /// Sets the due time of a slot.
    pub(super) fn schedule(&mut self, number: u32, due: u64) {
        let place = number as usize;
        if place >= self.valid.len() {
            self.valid.resize(place + 1, NEVER);
        }
        self.valid[place] = due;
        self.soonest = self.soonest.min(due);
        self.add((due, number));
    }

    fn add(&mut self, timer: DueTime) {
        if timer.0 <= self.reached {
            let place = self.due.partition_point(|other| *other > timer);
            self.due.insert(place, timer);
        } else {
            self.add_later(timer);
        }
    }

    fn add_later(&mut self, timer: DueTime) {
        let list = 63 - (timer.0 ^ self.reached).leading_zeros() as usize;
        self.later[list].push(timer);
        self.earliest[list] = self.earliest[list].min(timer.0);
        self.filled |= 1 << list;
    }

    /// The earliest due time.
    pub(super) fn next(&self) -> Option<u64> {
        let due = self.due.last().map(|&(due, _)| due);
        due.or_else(|| Some(self.earliest[self.first()?]))
    }

    /// The list of `later` that has the earliest time.
    fn first(&self) -> Option<usize> {
        (self.filled != 0).then(|| self.filled.trailing_zeros() as usize)
    }

    /// The earliest slot that is due by `now`, which may have no flow any more. Of several slots that are due at once, the one
    /// with the lowest number.
    #[inline]
    pub(super) fn pop(&mut self, now: u64) -> Option<DueTime> {
        if now < self.soonest {
            return None;
        }
        let popped = self.pop_due(now);
        if popped.is_none() {
            self.soonest = self.next().unwrap_or(NEVER);
        }
        popped
    }

    fn pop_due(&mut self, now: u64) -> Option<DueTime> {
        while self.next()? <= now {
            if self.due.is_empty() {
                self.reach();
            }
            let (due, number) = self.due.pop()?;
            if let Some(valid) = self.valid.get_mut(number as usize)
                && *valid == due
            {
                *valid = NEVER;
                return Some((due, number));
            }
        }
        None
    }

    /// Makes the earliest of the later timers due.
    fn reach(&mut self) {
        let Some(list) = self.first() else {
            return;
        };
        self.reached = self.earliest[list];
        self.earliest[list] = NEVER;
        self.filled &= !(1 << list);
        // All of them agree with `reached` in the bit of this list, so none returns to it.
        let mut timers = mem::take(&mut self.later[list]);
        for timer in timers.drain(..) {
            if timer.0 == self.reached {
                self.due.push(timer);
            } else {
                self.add_later(timer);
            }
        }
        self.due.sort_unstable_by(|one, other| other.cmp(one));
        self.later[list] = timers;
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BinaryHeap};

    use mermin_bpf::abi::sampling::split_mix;

    use super::*;

    #[test]
    fn timers_come_in_order_of_time_and_number() {
        let mut state = 7;
        let mut number = || split_mix(&mut state) >> 33;
        let (mut timers, mut expected) = (Timers::default(), BinaryHeap::new());
        let mut now = 1 << 40;
        for round in 0..5_000 {
            for _ in 0..number() % 4 {
                let slot = u32::try_from(number() % 50).unwrap();
                // Also times that have passed, times of long ago, and several slots at once.
                let due = match number() % 8 {
                    0 => now,
                    1 => now - number() % 1_000,
                    2 => number(),
                    3 => now | 0xff_ffff,
                    4 => NEVER - 1 - number() % 2,
                    _ => now + number() % (1 << (number() % 40)),
                };
                timers.schedule(slot, due);
                expected.retain(|Reverse((_, number))| *number != slot);
                expected.push(Reverse((due, slot)));
            }
            now += number() % (1 << (round % 20));
            while let Some(timer) = timers.pop(now) {
                assert_eq!(Some(Reverse(timer)), expected.pop());
            }
            let left = expected.peek().map(|Reverse((due, _))| *due);
            assert!(left.is_none_or(|due| due > now));
            // A void time may come before the first valid one, and not after it.
            assert!(timers.next().unwrap_or(NEVER) <= left.unwrap_or(NEVER));
        }
        while let Some(timer) = timers.pop(NEVER) {
            assert_eq!(Some(Reverse(timer)), expected.pop());
        }
        assert_eq!((expected.len(), timers.next()), (0, None));
    }
}
