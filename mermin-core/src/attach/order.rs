//! Position of this source's program among others at a TCX hook: a pure decision.

use crate::sys::bpf_link::Position;

/// The position of a program among others at a TCX hook when it is attached.
///
/// The first program also sees packets that later programs drop, redirect or rewrite, and sees them unchanged.
/// Programs have the names that `bpftool prog` shows: at most 15 octets. Filters of tc run after all TCX programs, in
/// the order of their priority.
///
/// ```
/// use mermin_core::{FlowSource, TcxOrder};
///
/// // Counts what a firewall lets through.
/// let source = FlowSource::builder().tcx_order(TcxOrder::After("firewall".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TcxOrder {
    /// Before all other programs.
    #[default]
    First,
    /// After all other programs.
    Last,
    /// Directly before the program of this name. While there is none: before all others, and the report says so.
    Before(String),
    /// Directly after the program of this name. While there is none: after all others, and the report says so.
    After(String),
}

/// Octets of a program's name (`BPF_OBJ_NAME_LEN` without its zero octet).
const NAME_MAX: usize = 15;

impl TcxOrder {
    /// Returns the name of the other program, shortened as the kernel does.
    pub(crate) fn relative(&self) -> Option<&str> {
        match self {
            Self::First | Self::Last => None,
            Self::Before(name) | Self::After(name) => {
                Some(name.get(..NAME_MAX).unwrap_or(name.as_str()))
            }
        }
    }

    /// Returns the position among programs (name, id) in the order of execution.
    pub(crate) fn position(&self, there: &[(&str, u32)]) -> Position {
        let name = self.relative();
        let mut named = there.iter().filter(|(known, _)| Some(*known) == name);
        let (at, otherwise): (fn(u32) -> Position, _) = match self {
            Self::First | Self::Before(_) => (Position::Before, Position::First),
            Self::Last | Self::After(_) => (Position::After, Position::Last),
        };
        // If several programs have the name, the outermost counts.
        let relative = match self {
            Self::Before(_) => named.next(),
            _ => named.next_back(),
        };
        relative.map_or(otherwise, |(_, id)| at(*id))
    }

    /// Returns true if the program `own` has the requested position relative to a named program. First and last are
    /// not enforced: two sources that both enforced them would move each other forever.
    pub(crate) fn holds(&self, there: &[(&str, u32)], own: u32) -> bool {
        let Some(name) = self.relative() else {
            return true;
        };
        let Some(ours) = there.iter().position(|at| at.1 == own) else {
            return true;
        };
        let mut others = there
            .iter()
            .enumerate()
            .filter(|(_, at)| at.0 == name && at.1 != own);
        match self {
            Self::Before(_) => others.all(|(place, _)| ours < place),
            _ => others.all(|(place, _)| place < ours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: [(&str, u32); 3] = [("cil_from_netdev", 3), ("other", 9), ("cil_from_netdev", 5)];

    #[test]
    fn tcx_position_is_first_last_or_relative_to_a_program() {
        let cilium = || "cil_from_netdev_with_more".to_owned();
        for (order, expected) in [
            (TcxOrder::First, Position::First),
            (TcxOrder::Last, Position::Last),
            (TcxOrder::Before(cilium()), Position::Before(3)),
            (TcxOrder::After(cilium()), Position::After(5)),
            (TcxOrder::Before("none".to_owned()), Position::First),
            (TcxOrder::After("none".to_owned()), Position::Last),
        ] {
            assert_eq!(order.position(&THERE), expected, "{order:?}");
        }
        assert_eq!(TcxOrder::After(cilium()).position(&[]), Position::Last);
    }

    #[test]
    fn tcx_order_of_a_later_program_can_be_violated() {
        let name = || "other".to_owned();
        for (order, own, expected) in [
            (TcxOrder::First, 5, true),
            (TcxOrder::Last, 3, true),
            (TcxOrder::Before(name()), 3, true),
            (TcxOrder::Before(name()), 5, false),
            (TcxOrder::After(name()), 5, true),
            (TcxOrder::After(name()), 3, false),
            (TcxOrder::After("none".to_owned()), 3, true),
            // The own program is not there; this is handled elsewhere.
            (TcxOrder::Before(name()), 77, true),
        ] {
            assert_eq!(order.holds(&THERE, own), expected, "{order:?} {own}");
        }
    }
}
