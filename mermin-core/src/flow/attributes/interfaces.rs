//! Interfaces that saw the conversation, as lists of the same order.

use super::{
    lists::Numbers,
    name::{Name, name},
    visit::Visit,
};
use crate::flow::{ObservationPoint, PointCounts};

type Get = fn(&PointCounts) -> u64;

/// Counts of each of them, by name.
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

/// Gives the names, and what each saw where all say so.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, points: &'a [ObservationPoint]) {
    if points.is_empty() {
        return;
    }
    visit.texts(name!("flow.interfaces"), points.into());
    // One that does not say is less than all that do.
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
