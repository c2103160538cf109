//! Interfaces that saw the conversation, as lists of the same order.

use super::{lists::Numbers, value::Value};
use crate::flow::{ObservationPoint, PointCounts};

type Get = fn(&PointCounts) -> u64;

/// Counts of each of them, by name.
const COUNTS: [(&str, Get); 4] = [
    ("flow.interfaces.packets", |it| it.packets),
    ("flow.interfaces.bytes", |it| it.octets),
    ("flow.interfaces.reverse.packets", |it| it.reverse_packets),
    ("flow.interfaces.reverse.bytes", |it| it.reverse_octets),
];

/// Gives the names, and what each saw where all say so.
pub(super) fn give<'a>(
    visit: &mut impl FnMut(&'static str, Value<'a>),
    points: &'a [ObservationPoint],
) {
    if points.is_empty() {
        return;
    }
    visit("flow.interfaces", Value::Texts(points.into()));
    // One that does not say is less than all that do.
    let starts = points.iter().map(|point| Some(point.counts?.start));
    let Some(Some(first)) = starts.min() else {
        return;
    };
    let delays = Numbers::delays(points, first);
    visit("flow.interfaces.delay", Value::Numbers(delays));
    for (name, get) in COUNTS {
        visit(name, Value::Numbers(Numbers::of_points(points, get)));
    }
}
