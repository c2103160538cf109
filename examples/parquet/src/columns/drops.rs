//! Columns of packets that the kernel dropped.

use mermin_core::{
    Flow,
    flow::{Dropped, Drops},
};

use super::{
    fill::{number_lists, text_lists},
    kind::Kind,
    way::{Way, counted, written},
};

type Side = fn(&Drops) -> &[Dropped];

/// Returns a column by its whole name.
pub(super) fn of_drops(name: &str) -> Option<Way> {
    match name.strip_prefix("flow.reverse.drop.") {
        Some(rest) => of_side(rest, |drops| &drops.reverse),
        None => of_side(name.strip_prefix("flow.drop.")?, |drops| &drops.forward),
    }
}

fn of_side(name: &str, side: Side) -> Option<Way> {
    Some(match name {
        "packets" => counted(move |flow| Some(of(flow, side)?.iter().map(|one| one.packets).sum())),
        "reason" => written(
            move |flow, text| match of(flow, side).and_then(<[_]>::first) {
                Some(most) => {
                    text.extend_from_slice(most.reason.as_bytes());
                    true
                }
                None => false,
            },
        ),
        "reasons" => Way::new(
            Kind::Texts,
            text_lists(move |flow| Some(of(flow, side)?.iter().map(|one| &*one.reason).collect())),
        ),
        "reasons.packets" => Way::new(
            Kind::Numbers,
            number_lists(move |flow| {
                Some(
                    of(flow, side)?
                        .iter()
                        .map(|one| one.packets)
                        .collect::<Vec<_>>(),
                )
            }),
        ),
        _ => return None,
    })
}

/// Returns the dropped packets of a direction, if there are any.
fn of(flow: &Flow, side: Side) -> Option<&[Dropped]> {
    flow.drops
        .as_deref()
        .map(side)
        .filter(|dropped| !dropped.is_empty())
}
