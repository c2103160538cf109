//! Builds the observation points of a record from the counts of flows.

use std::time::{Duration, SystemTime};

use super::{Join, sight::Sight};
use crate::{
    flow::{Flow, ObservationPoint, PointCounts},
    table::snapshot::FlowSnapshot,
};

/// Returns the interfaces in the order in which they saw the conversation. `flow` is the reporter.
pub(super) fn points(
    record: &Flow,
    sights: &[Sight],
    flow: &FlowSnapshot,
    join: Join,
) -> Box<[ObservationPoint]> {
    let point = |sight: &Sight| ObservationPoint {
        index: sight.index,
        name: sight.name.clone(),
        counts: (join == Join::Merged).then(|| {
            let [mut forward, mut reverse] = sight.sides;
            if flow.higher_started {
                (forward, reverse) = (reverse, forward);
            }
            PointCounts {
                start: moved(record.start, flow.first_seen, sight.first_seen),
                packets: forward.packets,
                octets: forward.octets,
                reverse_packets: reverse.packets,
                reverse_octets: reverse.octets,
            }
        }),
    };
    sights.iter().map(point).collect()
}

/// Returns `date` moved by the time from `from` to `to`.
fn moved(date: SystemTime, from: u64, to: u64) -> SystemTime {
    if to >= from {
        date + Duration::from_nanos(to - from)
    } else {
        date - Duration::from_nanos(from - to)
    }
}
