//! Attributes of the interfaces that saw the conversation: lists in one order.

use super::{
    lists::Numbers,
    name::{Name, name},
    visitor::Visit,
};
use crate::flow::{ObservationPoint, PointCounts};

type Get = fn(&PointCounts) -> u64;

/// Names of the counts of each interface, with their getters.
static COUNTS: [(Name, Get); 4] = [
    (Name::new("flow.interfaces.packets"), |it| it.packets),
    (Name::new("flow.interfaces.bytes"), |it| it.octets),
    (Name::new("flow.interfaces.reverse.packets"), |it| {
        it.reverse_packets
    }),
    (Name::new("flow.interfaces.reverse.bytes"), |it| {
        it.reverse_octets
    }),
];

/// Visits the names of the interfaces, and their counts if all interfaces have counts.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, points: &'a [ObservationPoint]) {
    if points.is_empty() {
        return;
    }
    visit.texts(name!("flow.interfaces"), points.into());
    // `None` is less than any start, so `min` finds an interface without counts.
    let starts = points.iter().map(|point| Some(point.counts?.start));
    let Some(Some(first)) = starts.min() else {
        return;
    };
    let delays = Numbers::delays(points, first);
    visit.numbers(name!("flow.interfaces.delay"), delays);
    for (name, get) in &COUNTS {
        visit.numbers(name, Numbers::of_points(points, *get));
    }
}
