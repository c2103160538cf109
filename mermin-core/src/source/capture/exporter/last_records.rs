//! Slots whose last record was made and is not acknowledged.

use std::collections::VecDeque;

/// Slots that are looked at in a row, in each of two places: a look may cost a cache miss.
const LOOKS: usize = 32;

/// The slots, mostly in the order of their records.
#[derive(Debug, Default)]
pub(super) struct LastRecords {
    slots: VecDeque<u32>,
    /// The place at which the next look at slots behind the first ones begins.
    next: usize,
}

impl LastRecords {
    /// Adds the slot of a record that was just made.
    pub(super) fn push(&mut self, slot: u32) {
        self.slots.push_back(slot);
    }

    /// Adds a slot that needs no acknowledgement.
    pub(super) fn push_done(&mut self, slot: u32) {
        self.slots.push_front(slot);
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes a slot that is done. Most consumers acknowledge in order, so the first slots are looked at. A consumer that never
    /// acknowledges some records must not keep the slots of later ones: so some further slots are looked at as well, at each call
    /// that finds nothing the next ones.
    pub(super) fn take_done(&mut self, is_done: impl Fn(u32) -> bool) -> Option<u32> {
        let all = self.slots.len();
        let further = self.next.min(all)..all.min(self.next + LOOKS);
        let mut looks = (0..all.min(LOOKS)).chain(further);
        let found = looks.find(|&at| self.slots.get(at).is_some_and(|&slot| is_done(slot)));
        if found.is_none() {
            let next = self.next + LOOKS;
            self.next = if next < all { next } else { 0 };
        }
        self.slots.swap_remove_front(found?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(count: u32) -> LastRecords {
        let mut records = LastRecords::default();
        (0..count).for_each(|slot| records.push(slot));
        records
    }

    #[test]
    fn slots_that_are_acknowledged_in_order_are_taken_at_once() {
        let mut records = of(10_000);
        for acknowledged in (1000..=10_000).step_by(1000) {
            // Many sweeps pass without an acknowledgement.
            for _ in 0..50 {
                assert_eq!(records.take_done(|slot| slot < acknowledged - 1000), None);
            }
            let taken = std::iter::from_fn(|| records.take_done(|slot| slot < acknowledged));
            assert_eq!(taken.count(), 1000);
        }
        assert_eq!(records.len(), 0);
    }

    #[test]
    fn slots_behind_records_that_are_never_acknowledged_are_taken() {
        for (kept, most_sweeps) in [(1, 1), (31, 1), (200, 400)] {
            let mut records = of(10_000);
            let mut taken = HashSet::new();
            let mut sweeps = 0;
            while taken.len() < 10_000 - kept {
                sweeps += 1;
                assert!(sweeps <= most_sweeps, "{kept}: {}", taken.len());
                let is_done = |slot: u32| slot as usize >= kept;
                taken.extend(std::iter::from_fn(|| records.take_done(is_done)));
            }
            assert_eq!(records.len(), kept);
        }
    }

    #[test]
    fn slot_that_needs_no_acknowledgement_is_first() {
        let mut records = of(3);
        records.push_done(9);
        assert_eq!(records.take_done(|slot| slot == 9), Some(9));
        assert_eq!(records.len(), 3);
    }
}
