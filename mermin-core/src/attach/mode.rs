//! How a program gets to a hook: what may be asked for, and what was done.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// How programs are attached to interfaces.
///
/// A named mechanism is a requirement: where it cannot be had, opening fails for that interface. [`Attach::Auto`] takes
/// what the kernel offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attach {
    /// [`Attach::Tcx`] where the kernel has it, else [`Attach::Tc`] at priority 1.
    #[default]
    Auto,
    /// A TCX link (Linux 6.6 or newer), before all other programs at the hook. It goes with the process.
    Tcx,
    /// A `cls_bpf` filter on the `clsact` qdisc, over netlink.
    Tc {
        /// The `pref` of tc(8), 1 to 32767: lower numbers run first. BPF filters may share one; a filter of another
        /// kind may not.
        priority: u16,
    },
}

/// Where [`Attach::Auto`] puts a filter: before all others.
pub(super) const FIRST_PRIORITY: u16 = 1;
/// The kernel has 16 bits; from 0x8000 down it numbers filters that came without a priority.
const LAST_PRIORITY: u16 = 32767;

impl Attach {
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for a priority out of its range.
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Tc { priority } if !(FIRST_PRIORITY..=LAST_PRIORITY).contains(&priority) => {
                let message = format!("cannot use the tc priority `{priority}`");
                Err(Error::new(ErrorKind::InvalidOption, message)
                    .with_remedy("choose a number from 1 (runs first) to 32767"))
            }
            Self::Auto | Self::Tcx | Self::Tc { .. } => Ok(()),
        }
    }
}

/// What holds a program at a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// A TCX link.
    Tcx,
    /// A `cls_bpf` filter.
    Tc {
        /// Its `pref`.
        priority: u16,
    },
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcx => f.write_str("tcx"),
            Self::Tc { priority } => write!(f, "tc, priority {priority}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_has_its_range() {
        for priority in [1, 100, 32767] {
            assert!(Attach::Tc { priority }.validate().is_ok());
        }
        for priority in [0, 32768, u16::MAX] {
            let error = Attach::Tc { priority }.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert_eq!(
                error.to_string(),
                format!("cannot use the tc priority `{priority}`")
            );
        }
        assert!(Attach::default().validate().is_ok());
    }
}
