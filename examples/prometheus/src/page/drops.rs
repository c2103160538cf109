//! Packets that the kernel dropped and that no record has.

use std::collections::BTreeMap;

use mermin_core::report::DropStats;

use super::{
    family::{Family, Labels, Number, counter},
    text::Text,
};

const WITHOUT_FLOW: Family = counter(
    "mermin_dropped_packets",
    "Packets that the kernel dropped and whose flow was not in the table, by reason",
);

type Of = fn(&DropStats) -> u64;

const OTHERS: [(Family, Of); 3] = [
    (
        counter(
            "mermin_dropped_taken_packets",
            "Packets that the kernel had taken and freed as if it dropped them",
        ),
        |it| it.taken,
    ),
    (
        counter(
            "mermin_dropped_unplaced_packets",
            "Dropped packets whose network namespace nothing said",
        ),
        |it| it.unplaced,
    ),
    (
        counter(
            "mermin_dropped_missed_packets",
            "Packets that were dropped while another one was looked at, and not looked at themselves",
        ),
        |it| it.missed,
    ),
];

pub(super) fn write(drops: &DropStats, page: &mut Text) {
    // A page with a duplicate series is rejected.
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    for dropped in &drops.without_flow {
        let sum = by_reason.entry(&dropped.reason).or_default();
        *sum = sum.saturating_add(dropped.packets);
    }
    let mut samples = page.family(WITHOUT_FLOW);
    for (reason, packets) in by_reason {
        let labels = Labels::default().with("reason", reason);
        samples.value(&labels, Number::Whole(packets));
    }
    let none = Labels::default();
    for (family, number) in OTHERS {
        page.family(family)
            .value(&none, Number::Whole(number(drops)));
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::flow::Dropped;

    use super::*;
    use crate::page::Format;

    #[test]
    fn drops_without_a_flow_are_counted_by_reason() {
        let mut drops = DropStats::default();
        drops.without_flow = vec![
            Dropped::new("NO_SOCKET", 4),
            Dropped::new("OTHER", 1),
            Dropped::new("NO_SOCKET", 3),
        ];
        (drops.taken, drops.unplaced, drops.missed) = (5, 6, 7);
        let mut page = Text::new(Format::Text);
        write(&drops, &mut page);
        let page = page.finish();
        for line in [
            "mermin_dropped_packets_total{reason=\"NO_SOCKET\"} 7\n",
            "mermin_dropped_packets_total{reason=\"OTHER\"} 1\n",
            "mermin_dropped_taken_packets_total 5\n",
            "mermin_dropped_unplaced_packets_total 6\n",
            "mermin_dropped_missed_packets_total 7\n",
        ] {
            assert!(page.contains(line), "{page}");
        }
    }
}
