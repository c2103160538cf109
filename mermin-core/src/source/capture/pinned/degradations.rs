//! Errors and degradations of an instance: in use, unusable, or only partly taken over.

use std::path::Path;

use crate::{
    error::{Error, ErrorKind},
    plural::Plural,
    report::{Degradation, Feature},
    source::pinning::Pinning,
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
        format!("what a former process left cannot be taken over: {why}"),
        "it is removed, and the source begins anew",
        "what it had counted and not handed over is lost",
        "close a source before its options change; leave its pins to it",
    )
}

pub(super) fn other_layout(name: &str) -> Degradation {
    restart(
        format!("what another version left (layout {name}) cannot be taken over"),
        "it is removed, and the source begins anew",
        "what it had counted and not handed over is lost",
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
        "its programs are taken away there",
        "packets that passed it there until now are in counts and flows of the other",
        "have the source run when interfaces are moved to other network namespaces, or close it before",
    )
}

pub(super) fn max_flows(wanted: u32, there: u32) -> Degradation {
    restart(
        format!(
            "the instance was made for {}, and `max_flows` is {wanted}",
            Plural(there.into(), "flow")
        ),
        "the flows there are go on in the table there is",
        "the table has the former size",
        "close the source once, without `persist`, and open it again",
    )
}

pub(super) fn unanalysed() -> Degradation {
    Degradation::new(
        Feature::TcpAnalysis,
        "the kernel refused it when the instance was made",
        "the flows there go on without it",
        "records have no retransmissions, round trips and responses",
        "close the source once, without `persist`, and open it again",
    )
}

pub(super) fn torn(flows: u64) -> Degradation {
    restart(
        format!(
            "what was noted of {} cannot be: more was told than counted",
            Plural(flows, "flow")
        ),
        "they are told from their beginning",
        "packets of theirs may be told twice",
        "leave the pinned maps to Mermin",
    )
}
