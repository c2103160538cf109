//! Degradations of interfaces and patterns.

use std::sync::Arc;

use mermin_bpf::abi::ledger::HookDirection;

use crate::{
    attach::{AttachOptions, hook},
    error::Error,
    iface::{
        Interface, Pattern,
        select::{Scope, Selector, names},
    },
    plural::Plural,
    report::{Attachment, Degradation, Feature, HookPosition, Mechanism, Notice},
};

/// Returns the degradations of a selection, given the present interfaces.
pub(super) fn selection(selector: &Selector, list: &[Interface]) -> Vec<Degradation> {
    let scope = selector.scope(list);
    let wanted = list.iter().any(|at| selector.wants(scope, at, true));
    let mut said = match scope {
        Scope::AllUp if !selector.include.is_empty() => vec![nothing_matches(selector)],
        Scope::AllUp if wanted => Vec::new(),
        Scope::AllUp => vec![nothing_up(list)],
        Scope::Matching => selector
            .unmatched(list)
            .into_iter()
            .map(|pattern| unmatched(pattern, list, wanted))
            .collect(),
    };
    said.extend(selector.not_excluding(list).into_iter().filter_map(|pattern| {
        let part = PartialMatch::of(pattern, list)?;
        Some(Degradation {
            feature: Feature::Pattern,
            interface: None,
            cause: format!(
                "the exclude pattern `{pattern}` fits a part of `{}`, and an expression has to fit the whole name",
                part.names
            )
            .into(),
            fallback: "it excludes nothing".into(),
            impact: "interfaces are watched that the pattern should exclude".into(),
            remedy: part.remedy.into(),
        })
    }));
    said
}

fn unmatched(pattern: &Pattern, list: &[Interface], wanted: bool) -> Degradation {
    let (why, remedy) = match PartialMatch::of(pattern, list) {
        Some(part) => (
            format!(
                ": it fits a part of `{}`, and an expression has to fit the whole name",
                part.names
            ),
            part.remedy,
        ),
        None => (
            String::new(),
            format!("compare it with the names there are: {}", names(list)),
        ),
    };
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: format!("`{pattern}` matches no interface{why}").into(),
        fallback: if wanted {
            "the other patterns' interfaces are watched".into()
        } else {
            "nothing is watched until an interface that matches comes".into()
        },
        impact: "packets of its interfaces are not counted".into(),
        remedy: remedy.into(),
    }
}

/// Names that a regular expression matches only in part, and an expression that matches the whole names.
struct PartialMatch {
    names: String,
    remedy: String,
}

impl PartialMatch {
    fn of(pattern: &Pattern, list: &[Interface]) -> Option<Self> {
        let found: Vec<&str> = list
            .iter()
            .map(|at| at.name.as_str())
            .filter(|name| pattern.fits_part_of(name))
            .collect();
        let first = found.first()?;
        let remedy = match pattern.widened(&found) {
            Some(wider) => format!("write `{wider}`"),
            None => format!("write the names, such as `{first}`, or a glob"),
        };
        let names = found[..found.len().min(3)].join("`, `");
        Some(Self { names, remedy })
    }
}

/// Returns a notice for `exclude` patterns that match no interface. It is no degradation, because an interface may
/// appear later.
pub(super) fn unused(selector: &Selector, list: &[Interface]) -> Option<Notice> {
    let idle: Vec<String> = selector
        .not_excluding(list)
        .into_iter()
        .filter(|pattern| PartialMatch::of(pattern, list).is_none())
        .map(|pattern| format!("`{pattern}`"))
        .collect();
    let (plural, verb) = if idle.len() == 1 {
        ("", "s")
    } else {
        ("s", "")
    };
    (!idle.is_empty()).then(|| {
        let idle = idle.join(", ");
        Notice::new(
            "exclude",
            format!("the exclude pattern{plural} {idle} fit{verb} no interface there is now"),
        )
    })
}

fn nothing_matches(selector: &Selector) -> Degradation {
    let patterns: Vec<&str> = selector.include.iter().map(Pattern::as_str).collect();
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: format!("no interface matches `{}`", patterns.join(" ")).into(),
        fallback: "all interfaces that are up are watched, except loopback".into(),
        impact: "several of them may count the same packet".into(),
        remedy: "name the interfaces as `ip -brief link` prints them".into(),
    }
}

fn nothing_up(list: &[Interface]) -> Degradation {
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: "no interface is up, except loopback".into(),
        fallback: "nothing is watched until one is up".into(),
        impact: "no packet is counted".into(),
        remedy: format!(
            "set one up, or name one of those there are: {}",
            names(list)
        )
        .into(),
    }
}

/// An interface is not watched, or one of its directions is lost and will be tried again.
pub(super) fn unwatched(interface: &Interface, error: &Error) -> Degradation {
    Degradation {
        feature: Feature::Interface,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: reasoned(error).into(),
        fallback: "the rest is watched, and this is tried again".into(),
        impact: "these packets are not counted".into(),
        remedy: error.remedy().unwrap_or("see the cause").to_owned().into(),
    }
}

/// Only one direction of an interface is watched; `error` names the other.
pub(super) fn one_way(interface: &Interface, error: &Error) -> Degradation {
    Degradation {
        fallback: "the other direction is watched, and this one is tried again when the interface is added again or the source is opened"
            .into(),
        impact: "packets of this direction are not counted".into(),
        ..unwatched(interface, error)
    }
}

/// A program cannot be detached.
pub(super) fn undetached(interface: &Interface, error: &Error) -> Degradation {
    Degradation {
        feature: Feature::Hook,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: reasoned(error).into(),
        fallback: "the program stays there, and this is tried again while the source is open"
            .into(),
        impact: "unwanted packets are counted and unwanted flows are reported".into(),
        remedy: error.remedy().unwrap_or("see the cause").to_owned().into(),
    }
}

/// A link ends with the process, because it cannot be pinned.
pub(super) fn unpinned(interface: &Interface, error: &Error) -> Degradation {
    Degradation {
        feature: Feature::Pinning,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: reasoned(error).into(),
        fallback: "the interface is watched while the process lives".into(),
        impact: "when the process is killed, its packets until the next start are not counted"
            .into(),
        remedy: error.remedy().unwrap_or("see the cause").to_owned().into(),
    }
}

/// Formats an error with its causes.
fn reasoned(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Another process detached a program.
pub(super) fn reattached(interface: &Interface, direction: HookDirection) -> Degradation {
    Degradation {
        feature: Feature::Hook,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: format!(
            "somebody else took the program away from the {}",
            hook::word(direction)
        )
        .into(),
        fallback: "the program was attached again".into(),
        impact: "packets in between are not counted, for five seconds at most".into(),
        remedy: "find out who deletes qdiscs, filters or links there: `tc monitor`, `bpftool net`"
            .into(),
    }
}

/// A program and the other programs at its hook.
pub(super) struct Placed<'a> {
    pub(super) direction: HookDirection,
    pub(super) at: &'a Attachment,
    /// Id of the program.
    pub(super) own: u32,
}

/// Returns degradations for programs at a wrong position.
///
/// The named program may be at only one hook, because most programs have another name in the other direction.
pub(super) fn misplaced(
    options: &AttachOptions,
    interface: &Interface,
    placed: &[Placed<'_>],
) -> Vec<Degradation> {
    let order = &options.tcx_order;
    let by_tcx = || {
        placed
            .iter()
            .filter(|placed| placed.at.mechanism == Mechanism::Tcx)
    };
    let Some(name) = order.relative().filter(|_| by_tcx().next().is_some()) else {
        return Vec::new();
    };
    let said = |cause: String, fallback: &'static str| {
        Degradation {
        feature: Feature::TcxOrder,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: cause.into(),
        fallback: fallback.into(),
        impact: "packets that the other program drops or rewrites may be counted differently than requested".into(),
        remedy: format!("attach `{name}` before this source is opened").into(),
    }
    };
    let mut found = false;
    let mut all = Vec::new();
    for placed in by_tcx() {
        let there = programs(placed.at);
        found |= there.iter().any(|at| at.0 == name);
        if !order.holds(&there, placed.own) {
            let direction = hook::word(placed.direction);
            all.push(said(
                format!("`{name}` was attached at {direction} later, on the wrong side of this source's program"),
                "the programs stay where they are: to move one, packets would be missed",
            ));
        }
    }
    if !found {
        all.push(said(
            format!("no program `{name}` is at the hooks"),
            "the programs stand at the end of the order where they belong",
        ));
    }
    all
}

/// Returns names and ids of TCX programs, in the order of execution.
fn programs(at: &Attachment) -> Vec<(&str, u32)> {
    at.programs
        .iter()
        .filter(|at| matches!(at.position, HookPosition::Tcx { .. }))
        .map(|at| {
            let name = at.name.as_deref().unwrap_or_default();
            (name, at.program.unwrap_or_default())
        })
        .collect()
}

/// Packets of the interface do not reach the program.
pub(super) fn silent(interface: &Interface, direction: HookDirection, packets: u64) -> Degradation {
    let (verb, word) = match direction {
        HookDirection::Ingress => ("received", "ingress"),
        HookDirection::Egress => ("sent", "egress"),
    };
    Degradation {
        feature: Feature::Traffic,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: format!(
            "the interface {verb} {}, and none came to the program at the {word}",
            Plural(packets, "packet")
        )
        .into(),
        fallback: "the program stays, and counts the packets that reach it".into(),
        impact: "these packets are not counted".into(),
        remedy: "find the program that runs before it with `bpftool net` and `ip link` (XDP), and attach this one first"
            .into(),
    }
}
