//! Fallbacks for features that a host lacks. Opening and preflight use the same words.

use crate::{
    error::Error,
    probe::unavailable::Unavailable,
    report::{Degradation, Feature},
};

/// Filters replace TCX. One degradation is enough, because it is the same for every interface.
pub(super) fn tcx(unavailable: Unavailable) -> Degradation {
    degradation(
        Feature::Tcx,
        unavailable,
        "programs are attached as tc filters",
        "other tc users can remove them, and a killed process leaves them to the next one",
    )
}

/// A map of maps replaces membarrier(2).
pub(super) fn membarrier(unavailable: Unavailable) -> Degradation {
    degradation(
        Feature::Membarrier,
        unavailable,
        "the source waits for grace periods by updating a map of maps",
        "the same exactness, and two more map descriptors",
    )
}

/// Nothing replaces pins.
pub(super) fn pinning(unavailable: Unavailable) -> Degradation {
    degradation(
        Feature::Pinning,
        unavailable,
        "the source is not pinned",
        "when the process is killed, open flows are lost, and packets are not counted until the next start",
    )
}

/// No analysis of TCP.
pub(super) fn tcp_analysis(error: &Error) -> Degradation {
    let source = std::error::Error::source(error);
    let cause = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    degradation(
        Feature::TcpAnalysis,
        Unavailable {
            cause: cause.into(),
            remedy: error.remedy().map_or("lower `max_flows`".into(), |remedy| {
                remedy.to_owned().into()
            }),
        },
        "TCP is not analysed",
        "records have no retransmissions, round trips and responses",
    )
}

fn degradation(
    feature: Feature,
    Unavailable { cause, remedy }: Unavailable,
    fallback: &'static str,
    impact: &'static str,
) -> Degradation {
    Degradation {
        feature,
        interface: None,
        cause,
        fallback: fallback.into(),
        impact: impact.into(),
        remedy,
    }
}
