//! Selects the slots that a sweep reads.

use crate::table::coarse_time::CoarseTime;

/// Slots whose due times are compared at once. If none of them is due, the sweep skips them all.
const STRIDE: usize = 64;
/// Largest number of slots returned at once. The caller can prefetch the later ones.
const MOST: usize = 16 * STRIDE;

/// Iterator over the slots that are due, several at a time.
pub(super) struct Due {
    /// Slots whose due time is at most this are returned.
    now: CoarseTime,
    /// Slots with exactly this due time are returned too.
    also: CoarseTime,
    slots: [u32; MOST],
    length: usize,
    next: u32,
    waiting: u64,
}

impl Due {
    /// Creates the iterator of a sweep at `now`. A `whole` sweep also visits slots that are presumably free.
    pub(super) fn at(now: CoarseTime, whole: bool) -> Self {
        Self {
            now,
            also: if whole { CoarseTime::NEVER } else { now },
            slots: [0; MOST],
            length: 0,
            next: 0,
            waiting: 0,
        }
    }

    /// Advances to the next slots that are due, given the due times of all slots. Returns false if there are none.
    pub(super) fn advance(&mut self, moments: &[CoarseTime]) -> bool {
        self.length = 0;
        let rest = moments.get(self.next as usize..).unwrap_or_default();
        for stride in rest.chunks(STRIDE) {
            if self.length + STRIDE > MOST {
                break;
            }
            self.add(stride);
        }
        self.length != 0
    }

    fn add(&mut self, stride: &[CoarseTime]) {
        let (now, also) = (self.now, self.also);
        let is_due = |moment: CoarseTime| moment <= now || moment == also;
        let mut due = 0;
        let mut waiting = 0;
        for &moment in stride {
            due += u32::from(is_due(moment));
            waiting += u32::from(!is_due(moment) && moment < CoarseTime::NEVER);
        }
        self.waiting += u64::from(waiting);
        let first = self.next;
        self.next += u32::try_from(stride.len()).unwrap_or(u32::MAX);
        if due == 0 {
            return;
        }
        for (slot, &moment) in (first..).zip(stride) {
            self.slots[self.length] = slot;
            self.length += usize::from(is_due(moment));
        }
    }

    /// Returns these slots, in order.
    pub(super) fn slots(&self) -> &[u32] {
        &self.slots[..self.length]
    }

    /// Returns the number of open flows that are not due, among the slots visited so far.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 5 << 26;

    fn moment() -> impl Strategy<Value = CoarseTime> {
        let known = [CoarseTime::NOW, CoarseTime::NEVER, CoarseTime::CLOSING];
        let times = [NOW - 1, NOW, NOW + (1 << 26), u64::MAX].map(CoarseTime::at);
        prop::sample::select([known.as_slice(), times.as_slice()].concat())
    }

    /// Due times with runs of equal values, as in a real table.
    fn moments() -> impl Strategy<Value = Vec<CoarseTime>> {
        prop::collection::vec((moment(), 1..1500_usize), 0..6).prop_map(|runs| {
            runs.into_iter()
                .flat_map(|(moment, times)| std::iter::repeat_n(moment, times))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn due_slots_are_returned_once_and_in_order(moments in moments(), whole: bool) {
            let now = CoarseTime::at(NOW);
            let (mut expected, mut waiting) = (Vec::new(), 0);
            for (slot, &due) in (0..).zip(&moments) {
                if due <= now || whole && due == CoarseTime::NEVER {
                    expected.push(slot);
                } else if due < CoarseTime::NEVER {
                    waiting += 1;
                }
            }
            let mut due = Due::at(now, whole);
            let mut told = Vec::new();
            while due.advance(&moments) {
                told.extend_from_slice(due.slots());
            }
            prop_assert_eq!(told, expected);
            prop_assert_eq!(due.waiting(), waiting);
        }
    }
}
