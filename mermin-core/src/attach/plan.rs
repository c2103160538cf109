//! The order in which attach mechanisms are tried: a pure decision.

use std::io;

use super::mode::{Attach, AttachOptions};
use crate::{
    report::Mechanism,
    sys::{bpf_link::ENOTSUPP, netlink::errno},
};

/// One mechanism to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A TCX link.
    Tcx,
    /// A filter at this priority.
    Tc { priority: u16 },
}

/// A step to try, and its fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) first: Step,
    /// Tried if [`falls_back`] holds for the refusal.
    pub(crate) fallback: Option<Step>,
}

/// Chooses the first step from the options. Only the attempt shows if the kernel has TCX.
pub(crate) fn plan(options: &AttachOptions) -> Plan {
    let filter = Step::Tc {
        priority: options.priority(),
    };
    let (first, fallback) = match options.mode {
        Attach::Auto => (Step::Tcx, Some(filter)),
        Attach::Tcx => (Step::Tcx, None),
        Attach::Tc => (filter, None),
    };
    Plan { first, fallback }
}

impl Plan {
    /// Returns the step to try after the kernel refused the first.
    pub(crate) fn after(self, refusal: &io::Error) -> Option<Step> {
        self.fallback.filter(|_| falls_back(refusal))
    }
}

/// Returns true if a program is already at the place where it would be attached now. Among TCX programs any position
/// is accepted, because moving the program would miss packets.
pub(crate) fn fits(options: &AttachOptions, there: Mechanism) -> bool {
    match (options.mode, there) {
        (Attach::Auto | Attach::Tcx, Mechanism::Tcx) => true,
        (Attach::Auto | Attach::Tc, Mechanism::Tc { priority }) => priority == options.priority(),
        (Attach::Tcx, Mechanism::Tc { .. }) | (Attach::Tc, Mechanism::Tcx) => false,
    }
}

/// Returns true if a refusal of TCX means that the kernel lacks it, that the hook is full, or that the process has no
/// free descriptor.
///
/// Before Linux 6.6, and without `CONFIG_NET_XGRESS`, the attach type is unknown: `EINVAL`. A hook takes 63 programs
/// (`bpf_mprog_max`) and then answers `ERANGE`; filters run after them. A link takes a file descriptor and a filter
/// does not.
///
/// `EPERM` and `EACCES` do not count: a filter needs `CAP_NET_ADMIN` as well, and a fallback must not circumvent a
/// policy. A missing interface and a lack of memory do not count either, because a filter would fail the same way.
pub(crate) fn falls_back(refusal: &io::Error) -> bool {
    lacks(refusal)
        || matches!(
            errno(refusal),
            Some(libc::ERANGE | libc::EMFILE | libc::ENFILE)
        )
}

/// Returns true if an error means that the kernel lacks the feature.
pub(crate) fn lacks(refusal: &io::Error) -> bool {
    matches!(
        errno(refusal),
        Some(libc::EINVAL | libc::EOPNOTSUPP | ENOTSUPP | libc::ENOSYS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::TcxOrder;

    const AUTO: Attach = Attach::Auto;
    const TCX: Attach = Attach::Tcx;
    const TC: Attach = Attach::Tc;

    /// The kernel's answer to a TCX link.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Answer {
        Takes,
        /// The kernel lacks TCX, the hook is full, or the process has no free descriptor.
        Cannot,
        /// The interface or memory is missing. A filter would fail as well.
        Denies,
    }

    const ANSWERS: [(Answer, &[i32]); 3] = [
        (Answer::Takes, &[0]),
        (
            Answer::Cannot,
            &[
                libc::EINVAL,
                libc::EOPNOTSUPP,
                524,
                libc::ENOSYS,
                libc::ERANGE,
                libc::EMFILE,
                libc::ENFILE,
            ],
        ),
        (
            Answer::Denies,
            &[
                libc::EPERM,
                libc::EACCES,
                libc::ENODEV,
                libc::ENOMEM,
                libc::EEXIST,
                libc::EBADF,
            ],
        ),
    ];

    /// Outcome of attaching a program.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum End {
        Link,
        Filter(u16),
        /// A filter replaces TCX. This is a degradation, and an error under `strict`.
        Instead(u16),
        Refused,
    }

    fn end(options: &AttachOptions, errno: i32) -> End {
        let plan = plan(options);
        match plan.first {
            Step::Tc { priority } => End::Filter(priority),
            Step::Tcx if errno == 0 => End::Link,
            Step::Tcx => match plan.after(&io::Error::from_raw_os_error(errno)) {
                Some(Step::Tc { priority }) => End::Instead(priority),
                Some(Step::Tcx) | None => End::Refused,
            },
        }
    }

    fn orders() -> [TcxOrder; 4] {
        let other = || "other".to_owned();
        [
            TcxOrder::First,
            TcxOrder::Last,
            TcxOrder::Before(other()),
            TcxOrder::After(other()),
        ]
    }

    /// All options with this mode and priority, for every TCX order.
    fn with_each_order(
        mode: Attach,
        tc_priority: Option<u16>,
    ) -> impl Iterator<Item = AttachOptions> {
        orders().into_iter().map(move |tcx_order| AttachOptions {
            mode,
            tc_priority,
            tcx_order,
        })
    }

    /// Mode, priority of a filter, and the outcome for each of [`ANSWERS`].
    const MATRIX: [(Attach, Option<u16>, [End; 3]); 6] = {
        use End::{Filter, Instead, Link, Refused};
        [
            (AUTO, None, [Link, Instead(1), Refused]),
            (AUTO, Some(100), [Link, Instead(100), Refused]),
            (TCX, None, [Link, Refused, Refused]),
            (TCX, Some(100), [Link, Refused, Refused]),
            (TC, None, [Filter(1), Filter(1), Filter(1)]),
            (TC, Some(9), [Filter(9), Filter(9), Filter(9)]),
        ]
    };

    #[test]
    fn each_mechanism_handles_each_outcome() {
        for (mode, tc_priority, ends) in MATRIX {
            for options in with_each_order(mode, tc_priority) {
                for ((answer, refusals), expected) in ANSWERS.into_iter().zip(ends) {
                    for errno in refusals {
                        let found = end(&options, *errno);
                        assert_eq!(found, expected, "{options:?} {answer:?} {errno}");
                    }
                }
            }
        }
    }

    /// Attachments left by an earlier process, as a link or a filter: true if they stay in place.
    const LEFT: [(Attach, Option<u16>, [bool; 4]); 6] = [
        (AUTO, None, [true, true, false, false]),
        (AUTO, Some(100), [true, false, false, true]),
        (TCX, None, [true, false, false, false]),
        (TCX, Some(100), [true, false, false, false]),
        (TC, None, [false, true, false, false]),
        (TC, Some(9), [false, false, true, false]),
    ];

    #[test]
    fn attachment_that_fits_the_options_stays() {
        let filter = |priority| Mechanism::Tc { priority };
        let left = [Mechanism::Tcx, filter(1), filter(9), filter(100)];
        for (mode, tc_priority, expected) in LEFT {
            for options in with_each_order(mode, tc_priority) {
                let found = left.map(|there| fits(&options, there));
                assert_eq!(found, expected, "{options:?}");
            }
        }
    }
}
