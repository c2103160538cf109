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

/// Dropped packets are not counted.
pub(super) fn drops(unavailable: Unavailable) -> Degradation {
    degradation(
        Feature::Drops,
        unavailable,
        "packets that the kernel drops are not counted",
        "records do not say what the kernel dropped, and why",
    )
}

/// Processes that open sockets are not noted.
pub(super) fn openers(unavailable: Unavailable) -> Degradation {
    degradation(
        Feature::Process,
        unavailable,
        "processes are found only while they have their sockets open",
        "flows of a process that lives less than about a second have no process",
    )
}

/// No analysis of TCP.
pub(super) fn tcp_analysis(error: &Error) -> Degradation {
    degradation(
        Feature::TcpAnalysis,
        refused(error, "lower `max_flows`"),
        "TCP is not analysed",
        "records have no retransmissions, round trips and responses",
    )
}

/// No values of TCP sockets.
pub(super) fn tcp_sockets(error: &Error) -> Degradation {
    degradation(
        Feature::TcpSockets,
        refused(error, "lower `max_flows`"),
        "the kernel's values of TCP sockets are not read",
        "records have no smoothed round trip of a socket, and none of its other values",
    )
}

/// No reading of names.
pub(super) fn names(error: &Error) -> Degradation {
    degradation(
        Feature::Names,
        refused(
            error,
            "free 4 MiB of kernel memory, or raise the memory limit of this process's control group",
        ),
        "no payload is read",
        "records have no names of TLS, DNS, HTTP and QUIC",
    )
}

/// An option that could not be loaded.
pub(super) fn refused(error: &Error, remedy: &'static str) -> Unavailable {
    let source = std::error::Error::source(error);
    let cause = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    let remedy = error
        .remedy()
        .map_or(remedy.into(), |remedy| remedy.to_owned().into());
    Unavailable {
        cause: cause.into(),
        remedy,
    }
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
