//! Packets of a flow that the kernel dropped, between two records.

use std::{cmp::Reverse, sync::Arc};

use mermin_bpf::abi::{
    drops::{Drops, REASONS_A_FLOW},
    slot::DIRECTIONS,
};
use zerocopy::FromZeros;

use crate::flow::{self, Dropped};

/// A reason's number, and packets.
type Count = [u64; 2];

/// Counts of both directions, as a record gives their sums so far. All zero before the first record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct DropSums {
    directions: [[Count; REASONS_A_FLOW]; DIRECTIONS],
}

impl DropSums {
    /// Returns the sums in the kernel's memory.
    pub(crate) fn of(drops: &Drops) -> Self {
        let directions = drops.directions;
        Self {
            directions: directions.map(|counts| counts.map(|count| [count.reason, count.packets])),
        }
    }

    /// Returns the packets between these sums and those `exported` before.
    pub(crate) fn since(&self, exported: &Self) -> u64 {
        let counts = |sums: &Self| -> u64 {
            let all = sums.directions.iter().flatten();
            all.fold(0, |sum, count| sum.wrapping_add(count[1]))
        };
        counts(self).wrapping_sub(counts(exported))
    }

    /// Returns the drops of a record: the difference between these sums and those `exported` before. `None` if there are none. The source
    /// is the higher endpoint if `higher_started`.
    pub(crate) fn record(
        &self,
        exported: &Self,
        higher_started: bool,
        name: impl Fn(u64) -> Arc<str>,
    ) -> Option<Box<flow::Drops>> {
        let [forward, reverse] = if higher_started { [1, 0] } else { [0, 1] };
        let half = |side: usize| {
            let counts = self.directions[side].iter().zip(&exported.directions[side]);
            let counts = counts.map(|(now, before)| (now[0], now[1].saturating_sub(before[1])));
            let mut dropped: Vec<_> = counts
                .filter(|(_, packets)| *packets != 0)
                .map(|(reason, packets)| Dropped::new(name(reason), packets))
                .collect();
            dropped.sort_by_key(|one| Reverse(one.packets));
            dropped.into()
        };
        let drops = flow::Drops {
            forward: half(forward),
            reverse: half(reverse),
        };
        (!drops.forward.is_empty() || !drops.reverse.is_empty()).then(|| Box::new(drops))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_has_what_was_dropped_since_the_one_before() {
        let mut drops = Drops::default();
        let count = |drops: &mut Drops, side: usize, place: usize, reason, packets| {
            let count = &mut drops.directions[side][place];
            (count.reason, count.packets) = (reason, count.packets + packets);
        };
        count(&mut drops, 1, 0, 12, 3);
        let name = |number: u64| Arc::from(number.to_string());
        let first = DropSums::of(&drops);
        let record = first.record(&DropSums::default(), true, name).unwrap();
        assert_eq!(*record.forward, [Dropped::new("12", 3)]);
        assert!(record.reverse.is_empty());
        assert_eq!(first.record(&first, true, name), None);
        assert_eq!(first.since(&DropSums::default()), 3);
        count(&mut drops, 1, 0, 12, 1);
        count(&mut drops, 1, 1, 6, 2);
        count(&mut drops, 0, 0, 3, 5);
        let second = DropSums::of(&drops);
        assert_eq!(second.since(&first), 8);
        let record = second.record(&first, false, name).unwrap();
        assert_eq!(
            *record.reverse,
            [Dropped::new("6", 2), Dropped::new("12", 1)]
        );
        assert_eq!(*record.forward, [Dropped::new("3", 5)]);
    }
}
