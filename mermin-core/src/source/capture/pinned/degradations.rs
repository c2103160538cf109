//! Errors and degradations of an instance: in use, unusable, or only partly taken over.

use std::path::Path;

use crate::{
    bpf::size::Sizes,
    error::{Error, ErrorKind},
    plural::Plural,
    probe::unavailable::Unavailable,
    report::{Degradation, Feature},
    source::{
        options::{DEFAULT_FLOWS, Options},
        pinning::Pinning,
    },
};

pub(super) fn in_use(pinning: &Pinning) -> Error {
    let name = pinning.name();
    Error::new(
        ErrorKind::InUse,
        format!("cannot open the instance `{name}`: another source owns it"),
    )
    .with_remedy(
        "stop the process that owns it (`lsof` on its directory in the BPF file system shows it), or choose another name",
    )
}

/// A source for another process has no use without pins.
pub(super) fn unpinned(Unavailable { cause, remedy }: Unavailable) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("cannot pin the source for another process: {cause}"),
    )
    .with_remedy(remedy)
}

fn restart(
    cause: String,
    fallback: &'static str,
    impact: &'static str,
    remedy: impl Into<std::borrow::Cow<'static, str>>,
) -> Degradation {
    Degradation {
        feature: Feature::Restart,
        interface: None,
        cause: cause.into(),
        fallback: fallback.into(),
        impact: impact.into(),
        remedy: remedy.into(),
    }
}

/// The pins are incomplete, or do not fit this source.
pub(super) fn unusable(why: &str) -> Degradation {
    restart(
        format!("pins of a former process cannot be taken over: {why}"),
        "they are removed, and the source starts with new flows",
        "counts that were not exported are lost",
        "close a source before its options change; leave its pins to it",
    )
}

pub(super) fn other_layout(name: &str) -> Degradation {
    restart(
        format!("pins of another version (layout {name}) cannot be taken over"),
        "they are removed, and the source starts with new flows",
        "counts that were not exported are lost",
        "close a source, without `persist`, before a version with another layout replaces it",
    )
}

pub(super) fn foreign(names: &[String], directory: &Path) -> Degradation {
    let at = directory.display();
    restart(
        format!("`{}` in `{at}` is not Mermin's", names.join("`, `")),
        "it is left alone",
        "the directory stays when the source is closed",
        format!("move it out of `{at}`"),
    )
}

/// An interface got another index while no process ran, and counted under it.
pub(super) fn renumbered(name: &str, other: &str) -> Degradation {
    restart(
        format!(
            "`{name}` was moved to another network namespace, where it had the index that `{other}` has here"
        ),
        "its programs are detached there",
        "packets that crossed it there until now are in counts and flows of the other",
        "keep the source running while interfaces move to other network namespaces, or close it before",
    )
}

/// Returns what the options ask for and the maps that were found have not.
pub(super) fn lacking(options: &Options, found: Sizes) -> impl Iterator<Item = Degradation> {
    let wanted = options.max_flows.unwrap_or(DEFAULT_FLOWS);
    let resized = (wanted != found.slots).then(|| max_flows(wanted, found.slots));
    let is_unanalysed = options.tcp_analysis && !found.tcp_analysis;
    let has_no_sockets = options.tcp_sockets && !found.tcp_sockets;
    let refused = [
        is_unanalysed.then(unanalysed),
        has_no_sockets.then(no_sockets),
    ];
    resized.into_iter().chain(refused.into_iter().flatten())
}

fn max_flows(wanted: u32, there: u32) -> Degradation {
    restart(
        format!(
            "the instance was made for {}, and `max_flows` is {wanted}",
            Plural(there.into(), "flow")
        ),
        "existing flows continue in the existing table",
        "the table keeps its former size",
        "close the source once, without `persist`, and open it again",
    )
}

fn unanalysed() -> Degradation {
    Degradation::new(
        Feature::TcpAnalysis,
        "the kernel refused it when the instance was made",
        "the flows there go on without it",
        "records have no retransmissions, round trips and responses",
        "close the source once, without `persist`, and open it again",
    )
}

fn no_sockets() -> Degradation {
    Degradation::new(
        Feature::TcpSockets,
        "the kernel refused it when the instance was made",
        "the flows there go on without it",
        "records have no smoothed round trip of a socket, and none of its other values",
        "close the source once, without `persist`, and open it again",
    )
}

pub(super) fn uncounted_drops() -> Degradation {
    Degradation::new(
        Feature::Drops,
        "it was refused when the instance was made, and still is",
        "the flows there go on without it",
        "records do not say what the kernel dropped, and why",
        "see what refuses it: `FlowSourceBuilder::preflight` says so",
    )
}

pub(super) fn torn(flows: u64) -> Degradation {
    restart(
        format!(
            "the journal of {} is not valid: more was delivered than counted",
            Plural(flows, "flow")
        ),
        "they are delivered again from their beginning",
        "their packets may be delivered twice",
        "leave the pinned maps to Mermin",
    )
}
