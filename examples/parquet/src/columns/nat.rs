//! Columns of the other side of a translation.

use mermin_core::{
    Flow,
    flow::{Endpoint, Nat},
};

use super::way::{Way, address, named, small};

type End = fn(&Nat) -> Option<&Endpoint>;

/// Returns a column by its whole name.
pub(super) fn of_nat(name: &str) -> Option<Way> {
    match name {
        "flow.nat.seen" => Some(named(|flow| Some(flow.nat.as_deref()?.seen.as_str()))),
        _ => match name.strip_prefix("source.nat.") {
            Some(rest) => of_end(rest, |nat| nat.source.as_ref()),
            None => of_end(name.strip_prefix("destination.nat.")?, |nat| {
                nat.destination.as_ref()
            }),
        },
    }
}

fn of_end(name: &str, end: End) -> Option<Way> {
    match name {
        "address" => Some(address(move |flow| of(flow, end))),
        "port" => Some(small(16, move |flow| of(flow, end)?.port)),
        _ => None,
    }
}

/// Returns an end on the other side, if it differs there.
pub(super) fn of(flow: &Flow, end: End) -> Option<&Endpoint> {
    end(flow.nat.as_deref()?)
}
