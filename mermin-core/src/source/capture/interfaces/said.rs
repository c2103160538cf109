//! What the report says of interfaces and patterns.

use std::{io, sync::Arc};

use mermin_bpf::abi::ledger::Direction;

use crate::{
    attach::hook,
    error::Error,
    iface::{
        Interface, Pattern,
        select::{Scope, Selector, names},
    },
    report::{Degradation, Feature},
};

/// What is amiss with a selection, with the interfaces there are now.
pub(super) fn selection(selector: &Selector, list: &[Interface]) -> Vec<Degradation> {
    let scope = selector.scope(list);
    if scope == Scope::AllUp && !selector.include.is_empty() {
        return vec![nothing_matches(selector)];
    }
    let wanted = list.iter().any(|at| selector.wants(scope, at, true));
    if scope == Scope::AllUp {
        return if wanted {
            Vec::new()
        } else {
            vec![nothing_up(list)]
        };
    }
    selector
        .unmatched(list)
        .iter()
        .map(|pattern| Degradation {
            feature: Feature::Pattern,
            interface: None,
            cause: format!("`{pattern}` matches no interface").into(),
            instead: if wanted {
                "the other patterns' interfaces are watched".into()
            } else {
                "nothing is watched until an interface that matches comes".into()
            },
            cost: "nothing is seen of what it was meant for".into(),
            remedy: format!("compare it with the names there are: {}", names(list)).into(),
        })
        .collect()
}

fn nothing_matches(selector: &Selector) -> Degradation {
    let patterns: Vec<&str> = selector.include.iter().map(Pattern::as_str).collect();
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: format!("no interface matches `{}`", patterns.join(" ")).into(),
        instead: "all that are up are watched, loopback aside".into(),
        cost: "the same packet may be seen on several of them".into(),
        remedy: "name the interfaces that are meant, as `ip -brief link` prints them".into(),
    }
}

fn nothing_up(list: &[Interface]) -> Degradation {
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: "no interface is up, loopback aside".into(),
        instead: "nothing is watched until one is".into(),
        cost: "nothing is seen".into(),
        remedy: format!(
            "set one up, or name one of those there are: {}",
            names(list)
        )
        .into(),
    }
}

/// An interface, or one direction of it, that is not watched.
pub(super) fn unwatched(interface: &Interface, error: &Error) -> Degradation {
    let cause = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Degradation {
        feature: Feature::Interface,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: cause.into(),
        instead: "the rest is watched, and this is tried again".into(),
        cost: "these packets are not counted".into(),
        remedy: error.remedy().unwrap_or("see the cause").to_owned().into(),
    }
}

/// A program that somebody else detached.
pub(super) fn put_back(interface: &Interface, direction: Direction) -> Degradation {
    Degradation {
        feature: Feature::Hook,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: format!(
            "somebody else took the program away from the {}",
            hook::word(direction)
        )
        .into(),
        instead: "it was put back".into(),
        cost: "packets that came meanwhile are not counted, for five seconds at most".into(),
        remedy: "find out who deletes qdiscs, filters or links there: `tc monitor`, `bpftool net`"
            .into(),
    }
}

/// TCX that the kernel refuses. Once is enough: the kernel is the same for every interface.
pub(super) fn no_tcx(cause: &io::Error) -> Degradation {
    Degradation {
        feature: Feature::Tcx,
        interface: None,
        cause: format!("the kernel refuses TCX: {cause}").into(),
        instead: "programs are attached as tc filters".into(),
        cost: "other tc users can remove them, and a killed process leaves them behind".into(),
        remedy: "run Linux 6.6 or newer".into(),
    }
}
