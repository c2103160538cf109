//! Fallbacks for features that a host lacks: the same words when opening and in preflight.

use crate::{
    probe::trouble::Trouble,
    report::{Degradation, Feature},
};

/// Filters for TCX. Once is enough: it is the same for every interface.
pub(super) fn tcx(trouble: Trouble) -> Degradation {
    degradation(
        Feature::Tcx,
        trouble,
        "programs are attached as tc filters",
        "other tc users can remove them, and a killed process leaves them to the next one",
    )
}

/// A map of maps for membarrier(2).
pub(super) fn membarrier(trouble: Trouble) -> Degradation {
    degradation(
        Feature::Membarrier,
        trouble,
        "grace periods are waited for by updating a map of maps",
        "the same exactness, and two more map descriptors",
    )
}

/// Nothing for pins.
pub(super) fn pinning(trouble: Trouble) -> Degradation {
    degradation(
        Feature::Pinning,
        trouble,
        "the source is not pinned",
        "when the process is killed, flows that are open then are lost, and packets until the next start are not counted",
    )
}

fn degradation(
    feature: Feature,
    Trouble { cause, remedy }: Trouble,
    instead: &'static str,
    cost: &'static str,
) -> Degradation {
    Degradation {
        feature,
        interface: None,
        cause,
        instead: instead.into(),
        cost: cost.into(),
        remedy,
    }
}
