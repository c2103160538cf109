//! What to try, and what stands in when the kernel refuses: decisions without action.

use std::io;

use super::mode::{Attach, Manner, Mechanism};
use crate::sys::{bpf_link::ENOTSUPP, netlink::errno};

/// One way to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A TCX link.
    Tcx,
    /// A filter at this priority.
    Tc { priority: u16 },
}

/// What to try, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) first: Step,
    /// After a refusal that [`falls_back`].
    pub(crate) fallback: Option<Step>,
}

/// Decides from what is asked for, and from whether the kernel has TCX where that is known.
pub(crate) fn plan(manner: &Manner, tcx: Option<bool>) -> Plan {
    let tc = Step::Tc {
        priority: manner.priority(),
    };
    let (first, fallback) = match (manner.mode, tcx) {
        (Attach::Auto, Some(false)) => (tc, None),
        (Attach::Auto, Some(true) | None) => (Step::Tcx, Some(tc)),
        // Asked for by name: tried even where it is believed to be missing, so that the kernel's own refusal is told.
        (Attach::Tcx, _) => (Step::Tcx, None),
        (Attach::Tc { priority }, _) => (Step::Tc { priority }, None),
    };
    Plan { first, fallback }
}

/// Whether a program that is at a hook already is where it would be put. Among TCX programs, anywhere is right: moving it
/// would miss packets.
pub(crate) fn fits(manner: &Manner, there: Mechanism) -> bool {
    match (manner.mode, there) {
        (Attach::Auto | Attach::Tcx, Mechanism::Tcx) => true,
        (Attach::Auto, Mechanism::Tc { priority }) => priority == manner.priority(),
        (Attach::Tc { priority }, Mechanism::Tc { priority: there }) => priority == there,
        (Attach::Tcx, Mechanism::Tc { .. }) | (Attach::Tc { .. }, Mechanism::Tcx) => false,
    }
}

/// Whether a refusal of TCX says that the kernel lacks it, or has no room at the hook, or the process none for a descriptor.
///
/// Before Linux 6.6, and without `CONFIG_NET_XGRESS`, the attach type is unknown: `EINVAL`. A hook takes 63 programs
/// (`bpf_mprog_max`) and then answers `ERANGE`; filters run behind them. A link takes a file descriptor and a filter does not. `EPERM`
/// and `EACCES` do not count: a filter needs `CAP_NET_ADMIN` as well, and what a policy forbids is not to be had by a
/// side door. Nor do a missing interface or memory, which another mechanism would miss too.
pub(crate) fn falls_back(refusal: &io::Error) -> bool {
    lacks(refusal)
        || matches!(
            errno(refusal),
            Some(libc::ERANGE | libc::EMFILE | libc::ENFILE)
        )
}

/// Whether a refusal says that the kernel does not have what was asked of it.
pub(crate) fn lacks(refusal: &io::Error) -> bool {
    matches!(
        errno(refusal),
        Some(libc::EINVAL | libc::EOPNOTSUPP | ENOTSUPP | libc::ENOSYS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_mechanism_has_no_fallback() {
        let first = Step::Tc { priority: 1 };
        let ninth = Step::Tc { priority: 9 };
        for (mode, tcx, first, fallback) in [
            (Attach::Auto, None, Step::Tcx, Some(first)),
            (Attach::Auto, Some(true), Step::Tcx, Some(first)),
            (Attach::Auto, Some(false), first, None),
            (Attach::Tcx, None, Step::Tcx, None),
            (Attach::Tcx, Some(true), Step::Tcx, None),
            (Attach::Tcx, Some(false), Step::Tcx, None),
            (Attach::Tc { priority: 9 }, None, ninth, None),
            (Attach::Tc { priority: 9 }, Some(true), ninth, None),
            (Attach::Tc { priority: 9 }, Some(false), ninth, None),
        ] {
            assert_eq!(
                plan(&mode.into(), tcx),
                Plan { first, fallback },
                "{mode:?} {tcx:?}"
            );
        }
    }

    #[test]
    fn a_filter_that_stands_in_has_the_priority_that_was_named() {
        let manner = Manner {
            tc_priority: Some(100),
            ..Manner::default()
        };
        let expected = Some(Step::Tc { priority: 100 });
        assert_eq!(plan(&manner, None).fallback, expected);
        assert_eq!(Some(plan(&manner, Some(false)).first), expected);
    }

    #[test]
    fn what_is_at_a_hook_stays_where_it_is_what_is_asked_for() {
        let tc = |priority| Mechanism::Tc { priority };
        let ninth = Manner {
            tc_priority: Some(9),
            ..Manner::default()
        };
        assert!(fits(&ninth, tc(9)) && fits(&ninth, Mechanism::Tcx));
        assert!(!fits(&ninth, tc(1)));
        for (mode, there, expected) in [
            (Attach::Auto, Mechanism::Tcx, true),
            (Attach::Auto, tc(1), true),
            (Attach::Auto, tc(9), false),
            (Attach::Tcx, Mechanism::Tcx, true),
            (Attach::Tcx, tc(1), false),
            (Attach::Tc { priority: 9 }, tc(9), true),
            (Attach::Tc { priority: 9 }, tc(1), false),
            (Attach::Tc { priority: 9 }, Mechanism::Tcx, false),
        ] {
            assert_eq!(fits(&mode.into(), there), expected, "{mode:?} {there}");
        }
    }

    #[test]
    fn only_what_a_filter_can_do_without_falls_back() {
        for (errno, expected) in [
            (libc::EINVAL, true),
            (libc::EOPNOTSUPP, true),
            (524, true),
            (libc::ENOSYS, true),
            (libc::ERANGE, true),
            (libc::EMFILE, true),
            (libc::ENFILE, true),
            (libc::EPERM, false),
            (libc::EACCES, false),
            (libc::ENODEV, false),
            (libc::ENOMEM, false),
            (libc::EEXIST, false),
            (libc::EBADF, false),
        ] {
            let refusal = io::Error::from_raw_os_error(errno);
            assert_eq!(falls_back(&refusal), expected, "{refusal}");
        }
    }
}
