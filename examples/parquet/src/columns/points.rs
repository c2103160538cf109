//! Columns of the interfaces that saw a conversation, as lists in one order.

use std::time::SystemTime;

use mermin_core::{
    Flow,
    flow::{ObservationPoint, PointCounts},
};

use super::{
    fill::{number_lists, text_lists},
    kind::Kind,
    way::{Way, nanoseconds},
};

pub(super) fn of_points(name: &str) -> Option<Way> {
    let numbers = |get| number_lists(move |flow| counts(flow, get));
    let (kind, fill) = match name {
        "flow.interfaces" => (Kind::Texts, text_lists(names)),
        "flow.interfaces.delay" => (Kind::Numbers, number_lists(delays)),
        "flow.interfaces.packets" => (Kind::Numbers, numbers(|it| it.packets)),
        "flow.interfaces.bytes" => (Kind::Numbers, numbers(|it| it.octets)),
        "flow.interfaces.reverse.packets" => (Kind::Numbers, numbers(|it| it.reverse_packets)),
        "flow.interfaces.reverse.bytes" => (Kind::Numbers, numbers(|it| it.reverse_octets)),
        _ => return None,
    };
    Some(Way::new(kind, fill))
}

fn names(flow: &Flow) -> Option<Vec<&str>> {
    let points = &flow.observation_points;
    let names = points.iter().map(|point| &*point.name);
    (!points.is_empty()).then(|| names.collect())
}

/// Returns one number per interface. `None` unless all have counts.
fn counts(flow: &Flow, get: fn(&PointCounts) -> u64) -> Option<Vec<u64>> {
    let points = &flow.observation_points;
    let one = |point: &ObservationPoint| Some(get(point.counts.as_ref()?));
    if points.is_empty() {
        return None;
    }
    points.iter().map(one).collect()
}

/// Returns the nanoseconds from the earliest first packet to that of each interface.
fn delays(flow: &Flow) -> Option<Vec<u64>> {
    let starts = flow.observation_points.iter();
    let starts: Option<Vec<_>> = starts.map(|point| Some(point.counts?.start)).collect();
    let starts = starts?;
    let first = *starts.iter().min()?;
    let since = |start: &SystemTime| {
        let late = start.duration_since(first).unwrap_or_default();
        nanoseconds(late).unwrap_or(u64::MAX)
    };
    Some(starts.iter().map(since).collect())
}
