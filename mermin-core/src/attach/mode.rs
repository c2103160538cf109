//! Attach mechanisms: the requested one and the one in use.

use super::{order::TcxOrder, plan::Step};
use crate::{
    error::{Error, ErrorKind},
    report::{Mechanism, Notice},
};

/// The mechanism that attaches programs to interfaces.
///
/// A specific mechanism is a requirement: if it is not available, the interface cannot be attached to.
/// [`Attach::Auto`] uses the best one that is available.
///
/// ```
/// use mermin_core::{Attach, FlowSource};
///
/// // Fails on a kernel before 6.6, instead of falling back to a filter.
/// let source = FlowSource::builder().attach(Attach::Tcx);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attach {
    /// [`Attach::Tcx`]; [`Attach::Tc`] if the kernel lacks TCX, if the hook is full, or if the process has no free file
    /// descriptor.
    #[default]
    Auto,
    /// A TCX link (Linux 6.6 or newer), before all other programs at the hook unless
    /// [`tcx_order`](crate::FlowSourceBuilder::tcx_order) says otherwise. It ends with the process, unless the source
    /// is [pinned](crate::Pinning).
    Tcx,
    /// A `cls_bpf` filter on the `clsact` qdisc, over netlink, at priority 1 unless
    /// [`tc_priority`](crate::FlowSourceBuilder::tc_priority) says otherwise.
    Tc,
}

/// Default priority of a filter: before all others.
pub(super) const FIRST_PRIORITY: u16 = 1;
/// The field has 16 bits. Filters without a priority get one from the kernel, from 0xC000 downwards, so they run after these.
const LAST_PRIORITY: u16 = 32767;

/// Options for attaching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachOptions {
    pub(crate) mode: Attach,
    /// Priority of a filter; `None` is [`FIRST_PRIORITY`].
    pub(crate) tc_priority: Option<u16>,
    pub(crate) tcx_order: TcxOrder,
}

impl AttachOptions {
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for a priority out of range, and for a program without a name.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let priority = self.priority();
        if !(FIRST_PRIORITY..=LAST_PRIORITY).contains(&priority) {
            let message = format!("cannot use the tc priority `{priority}`");
            return Err(Error::new(ErrorKind::InvalidOption, message)
                .with_remedy("choose a number from 1 (runs first) to 32767"));
        }
        if self.tcx_order.relative() == Some("") {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot use a TCX order without a program's name",
            )
            .with_remedy("name the program as `bpftool prog` shows it"));
        }
        Ok(())
    }

    /// Returns a notice if an option has no effect with this mechanism.
    pub(crate) fn without_effect(&self, held_by: Mechanism) -> Option<Notice> {
        match held_by {
            Mechanism::Tcx if self.tc_priority.is_some() => Some(Notice::new(
                "tc_priority",
                "`tc_priority` has no effect: programs are attached by TCX, where `tcx_order` says who runs first",
            )),
            Mechanism::Tc { .. } if self.tcx_order != TcxOrder::First => Some(Notice::new(
                "tcx_order",
                "`tcx_order` has no effect: programs are attached as tc filters, where the priority says who runs first",
            )),
            Mechanism::Tcx | Mechanism::Tc { .. } => None,
        }
    }

    /// Returns the same options, limited to one step.
    pub(super) fn only(&self, step: Step) -> Self {
        Self {
            mode: match step {
                Step::Tcx => Attach::Tcx,
                Step::Tc { .. } => Attach::Tc,
            },
            ..self.clone()
        }
    }

    /// Returns the priority of a filter.
    pub(crate) fn priority(&self) -> u16 {
        self.tc_priority.unwrap_or(FIRST_PRIORITY)
    }
}

impl From<Attach> for AttachOptions {
    fn from(mode: Attach) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(options: &AttachOptions) -> Option<String> {
        options.validate().err().map(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            error.to_string()
        })
    }

    #[test]
    fn priority_has_its_range() {
        let asked = |priority| AttachOptions {
            mode: Attach::Tc,
            tc_priority: Some(priority),
            ..AttachOptions::default()
        };
        let standing_in = |priority| AttachOptions {
            tc_priority: Some(priority),
            ..AttachOptions::default()
        };
        for priority in [1, 100, 32767] {
            assert_eq!(refusal(&asked(priority)), None);
            assert_eq!(refusal(&standing_in(priority)), None);
        }
        for priority in [0, 32768, u16::MAX] {
            let expected = format!("cannot use the tc priority `{priority}`");
            assert_eq!(refusal(&asked(priority)).as_ref(), Some(&expected));
            assert_eq!(refusal(&standing_in(priority)), Some(expected));
        }
        assert_eq!(refusal(&AttachOptions::default()), None);
    }

    #[test]
    fn ordering_options_of_the_other_mechanism_have_no_effect() {
        let both = AttachOptions {
            tc_priority: Some(100),
            tcx_order: TcxOrder::Last,
            ..AttachOptions::default()
        };
        let filter = Mechanism::Tc { priority: 100 };
        for (mechanism, option) in [(Mechanism::Tcx, "`tc_priority`"), (filter, "`tcx_order`")] {
            let said = both.without_effect(mechanism).unwrap().to_string();
            assert!(said.starts_with(option), "{said}");
            assert_eq!(AttachOptions::default().without_effect(mechanism), None);
        }
    }

    #[test]
    fn order_needs_a_name() {
        let order = |tcx_order| AttachOptions {
            tcx_order,
            ..AttachOptions::default()
        };
        assert_eq!(
            refusal(&order(TcxOrder::Before("cil_from_netdev".to_owned()))),
            None
        );
        assert!(refusal(&order(TcxOrder::After(String::new()))).is_some());
    }
}
