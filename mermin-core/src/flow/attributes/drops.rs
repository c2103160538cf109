//! Attributes of packets that the kernel dropped.

use super::{lists::Numbers, name::Name, visitor::Visit};
use crate::flow::{Dropped, Drops};

/// Names of the attributes of one direction.
pub(super) struct DirectionNames {
    pub(super) packets: Name,
    pub(super) reason: Name,
    pub(super) reasons: Name,
    pub(super) reason_packets: Name,
}

macro_rules! names {
    ($prefix:literal) => {
        DirectionNames {
            packets: Name::new(concat!($prefix, "packets")),
            reason: Name::new(concat!($prefix, "reason")),
            reasons: Name::new(concat!($prefix, "reasons")),
            reason_packets: Name::new(concat!($prefix, "reasons.packets")),
        }
    };
}

pub(super) static FORWARD: DirectionNames = names!("flow.drop.");
pub(super) static REVERSE: DirectionNames = names!("flow.reverse.drop.");

/// Visits the drops of both directions.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, drops: &'a Drops) {
    direction(visit, &FORWARD, &drops.forward);
    direction(visit, &REVERSE, &drops.reverse);
}

fn direction<'a>(
    visit: &mut impl Visit<'a>,
    names: &'static DirectionNames,
    dropped: &'a [Dropped],
) {
    let Some(most) = dropped.first() else {
        return;
    };
    visit.number(&names.packets, dropped.iter().map(|one| one.packets).sum());
    visit.text(&names.reason, &most.reason);
    visit.texts(&names.reasons, dropped.into());
    visit.numbers(&names.reason_packets, Numbers::of_drops(dropped));
}
