//! Errors of attaching by tc: the program or module in the way, and a remedy.

use std::io;

use super::{
    CAPABILITY,
    filter::{self, Filter},
};
use crate::{
    attach::hook::Hook,
    error::{Error, ErrorKind},
    sys::netlink::errno,
};

/// Returns the error of an `ingress` qdisc in the place of clsact: it has no egress hook.
pub(super) fn ingress_only(hook: &Hook<'_>) -> Error {
    let name = &hook.interface.name;
    let message =
        format!("cannot attach by tc to {hook}: an `ingress` qdisc has the place of `clsact`");
    Error::new(ErrorKind::Unsupported, message).with_remedy(format!(
        "have its owner replace it, with its filters: `tc qdisc del dev {name} ingress && tc qdisc add dev {name} \
         clsact`; TCX (Linux 6.6) needs neither"
    ))
}

/// Explains why no clsact qdisc could be added.
pub(super) fn explain_qdisc(hook: &Hook<'_>, error: io::Error) -> Error {
    match errno(&error) {
        Some(libc::ENOENT | libc::EOPNOTSUPP) => missing(hook, "sch_ingress", error),
        _ => hook.refused("add a clsact qdisc for", CAPABILITY, error),
    }
}

/// Explains why no filter could be added beside those that are `there`.
pub(super) fn explain_filter(
    there: &[Filter],
    hook: &Hook<'_>,
    priority: u16,
    error: io::Error,
) -> Error {
    match (errno(&error), conflict(there, priority)) {
        (Some(libc::EINVAL | libc::EEXIST), Some(other)) => {
            occupied(hook, priority, other, free_priority(there, priority)).with_source(error)
        }
        (Some(libc::ENOENT), _) => missing(hook, "cls_bpf", error),
        _ => hook.refused("attach by tc to", CAPABILITY, error),
    }
}

fn missing(hook: &Hook<'_>, module: &str, error: io::Error) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("cannot attach by tc to {hook}"),
    )
    .with_remedy(format!("load the kernel module: `modprobe {module}`"))
    .with_source(error)
}

/// Returns a filter that occupies a priority, so that no BPF filter of protocol `all` can be added there.
pub(super) fn conflict(there: &[Filter], priority: u16) -> Option<&Filter> {
    there.iter().find(|filter| {
        filter.chain == 0
            && filter.priority == priority
            && (filter.kind != filter::BPF || filter.protocol != filter::ALL_PROTOCOLS)
    })
}

/// Returns the nearest free priority, after the wanted one if possible.
fn free_priority(there: &[Filter], wanted: u16) -> Option<u16> {
    let mut candidates = (wanted..=i16::MAX.cast_unsigned()).chain((1..wanted).rev());
    candidates.find(|priority| conflict(there, *priority).is_none())
}

fn occupied(hook: &Hook<'_>, priority: u16, other: &Filter, free: Option<u16>) -> Error {
    let Filter { kind, protocol, .. } = other;
    let what = if *protocol == filter::ALL_PROTOCOLS {
        format!("a `{kind}` filter")
    } else {
        format!("a `{kind}` filter for protocol {protocol:#06x}")
    };
    let message = format!("cannot attach by tc to {hook} at priority {priority}: {what} has it");
    let explained = Error::new(ErrorKind::InvalidOption, message);
    match free {
        Some(free) => explained.with_remedy(format!(
            "choose another one: priority {free} is free (`tc_priority`)"
        )),
        None => explained,
    }
}

#[cfg(test)]
mod tests {
    use mermin_bpf::abi::ledger::HookDirection;

    use super::*;

    fn filter(kind: &str, priority: u16, protocol: u16) -> Filter {
        Filter {
            kind: kind.to_owned(),
            priority,
            protocol,
            chain: 0,
            handle: 1,
            name: None,
            program: None,
        }
    }

    #[test]
    fn only_bpf_filters_for_all_protocols_share_a_priority() {
        let mut there = vec![
            filter("bpf", 1, 3),
            filter("u32", 2, 3),
            filter("bpf", 3, 0x0800),
        ];
        assert_eq!(conflict(&there, 1), None);
        assert_eq!(conflict(&there, 2), Some(&there[1]));
        assert_eq!(conflict(&there, 3), Some(&there[2]));
        assert_eq!(conflict(&there, 4), None);
        assert_eq!(free_priority(&there, 2), Some(4));
        there[1].chain = 5;
        assert_eq!(conflict(&there, 2), None);
    }

    #[test]
    fn free_priority_is_searched_in_front_if_none_is_behind() {
        let there = [filter("u32", 32766, 3), filter("flower", 32767, 3)];
        assert_eq!(free_priority(&there, 32766), Some(32765));
    }

    #[test]
    fn conflict_error_names_the_other_program_and_a_remedy() {
        let interface = crate::attach::hook::example();
        let hook = Hook {
            interface: &interface,
            direction: HookDirection::Ingress,
        };
        let error = occupied(&hook, 3, &filter("flower", 3, 0x0800), Some(4));
        assert_eq!(
            error.to_string(),
            "cannot attach by tc to the ingress of `eth0` at priority 3: a `flower` filter for protocol 0x0800 has it"
        );
        assert_eq!(
            error.remedy(),
            Some("choose another one: priority 4 is free (`tc_priority`)")
        );
    }
}
