//! Sorts flows.

use std::cmp::Reverse;

use super::{Row, groups::Group, tally::Tally};

/// Largest number of sorted flows. Nobody scrolls further.
pub(crate) const MOST: usize = 1000;

/// The sort order, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Octets per second.
    #[default]
    Rate,
    /// Octets so far.
    Octets,
    /// Packets so far.
    Packets,
    /// Packets per second.
    PacketRate,
}

impl Sort {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Octets => "bytes",
            Self::Packets => "packets",
            Self::PacketRate => "packet rate",
        }
    }

    fn key(self, tally: &Tally) -> (u64, u64) {
        // Positive floating-point numbers sort like their bits.
        let first = match self {
            Self::Rate => tally.rate.to_bits(),
            Self::Octets => tally.octets,
            Self::Packets => tally.packets,
            Self::PacketRate => tally.packet_rate.to_bits(),
        };
        (first, tally.octets)
    }
}

/// Returns the first of the rows that are wanted, sorted, and the number of wanted rows.
pub(crate) fn rank(
    rows: &[Row],
    sort: Sort,
    is_inverse: bool,
    mut is_wanted: impl FnMut(&Row) -> bool,
) -> (Vec<&Row>, usize) {
    let flip = if is_inverse { u64::MAX } else { 0 };
    let mut keys: Vec<_> = rows
        .iter()
        .zip(0_usize..)
        .filter(|(row, _)| is_wanted(row))
        .map(|(row, place)| {
            let (first, second) = sort.key(&row.tally);
            // Equal rows keep their order from one frame to the next.
            (Reverse((first ^ flip, second ^ flip)), row.id, place)
        })
        .collect();
    let wanted = keys.len();
    if wanted > MOST {
        keys.select_nth_unstable(MOST - 1);
        keys.truncate(MOST);
    }
    keys.sort_unstable();
    let ranked = keys.iter().map(|&(.., place)| &rows[place]);
    (ranked.collect(), wanted)
}

/// Sorts groups, and returns the first.
pub(crate) fn rank_groups<'a>(
    groups: impl Iterator<Item = &'a Group>,
    sort: Sort,
    is_inverse: bool,
) -> Vec<&'a Group> {
    let mut groups: Vec<_> = groups.collect();
    let order = |one: &&Group, other: &&Group| {
        let order = sort.key(&other.tally).cmp(&sort.key(&one.tally));
        let order = if is_inverse { order.reverse() } else { order };
        order.then_with(|| one.name.cmp(&other.name))
    };
    if groups.len() > MOST {
        groups.select_nth_unstable_by(MOST - 1, order);
        groups.truncate(MOST);
    }
    groups.sort_by(order);
    groups
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Model, tests::flow};

    #[test]
    fn rows_sort_descending_by_each_key_and_ascending_when_inverted() {
        let mut model = Model::default();
        model.open(&[flow(1, 10), flow(2, 100), flow(3, 5)]);
        model.end_frame(Duration::from_secs(1));
        model.open(&[flow(1, 20), flow(2, 101), flow(3, 10)]);
        model.end_frame(Duration::from_secs(1));
        let ports = |sort, is_inverse| {
            let (ranked, wanted) = rank(model.rows(), sort, is_inverse, |_| true);
            assert_eq!(wanted, 3);
            ranked
                .iter()
                .map(|row| row.flow.source.port.unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(ports(Sort::Rate, false), [1, 3, 2]);
        assert_eq!(ports(Sort::Octets, false), [2, 1, 3]);
        assert_eq!(ports(Sort::Packets, true), [3, 1, 2]);
        assert_eq!(ports(Sort::PacketRate, true), [2, 3, 1]);
    }

    #[test]
    fn first_rows_of_many_flows_are_sorted() {
        let mut model = Model::default();
        let flows: Vec<_> = (0..5000)
            .map(|number| flow(number, u64::from(number % 997)))
            .collect();
        model.open(&flows);
        model.end_frame(Duration::from_secs(1));
        let is_even = |row: &Row| row.flow.source.port.unwrap().is_multiple_of(2);
        let (ranked, wanted) = rank(model.rows(), Sort::Packets, false, is_even);
        assert_eq!((ranked.len(), wanted), (MOST, 2500));
        let mut all: Vec<u64> = model
            .rows()
            .iter()
            .filter(|row| is_even(row))
            .map(|row| row.tally.packets)
            .collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        let found: Vec<u64> = ranked.iter().map(|row| row.tally.packets).collect();
        assert_eq!(found, all[..MOST]);
    }
}
