//! Names of filters: `mermin_ingress@<owner>+clsact`, or `mermin_ingress@<owner>+pinned`.
//!
//! A filter outlives its process, and only its name identifies the owner.

use mermin_bpf::abi::names::{PROGRAM_EGRESS, PROGRAM_INGRESS};

/// Marks a filter whose qdisc a source added.
const QDISC: &str = "+clsact";
/// Marks a filter that must outlive its process.
const STAYING: &str = "+pinned";
/// Precedes the token of a process.
const OWNER: char = '@';

/// The owner of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::attach) enum Whose {
    /// The name has no owner.
    Unknown,
    /// A process. While it is alive, its socket has this token.
    Process(u64),
    /// The next source of the same instance; the filter stays when its process ends. While the process is alive, its
    /// socket has this token.
    Staying(Option<u64>),
}

/// A parsed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) whose: Whose,
    /// A source added the qdisc.
    pub(super) owns_qdisc: bool,
}

impl Mark {
    /// Returns the name of a filter of this program.
    pub(super) fn name(self, program: &str) -> String {
        let qdisc = if self.owns_qdisc { QDISC } else { "" };
        match self.whose {
            Whose::Unknown => format!("{program}{qdisc}"),
            Whose::Process(token) => format!("{program}{OWNER}{token:016x}{qdisc}"),
            Whose::Staying(None) => format!("{program}{STAYING}{qdisc}"),
            Whose::Staying(Some(token)) => {
                format!("{program}{OWNER}{token:016x}{STAYING}{qdisc}")
            }
        }
    }

    /// Parses a filter's name. `None` if it is not a source's.
    pub(super) fn read(name: &str) -> Option<Self> {
        let bare = name.strip_suffix(QDISC);
        let owns_qdisc = bare.is_some();
        let bare = bare.unwrap_or(name);
        let staying = bare.strip_suffix(STAYING);
        let bare = staying.unwrap_or(bare);
        let (program, token) = match bare.split_once(OWNER) {
            Some((program, token)) if token.len() == 16 => {
                (program, Some(u64::from_str_radix(token, 16).ok()?))
            }
            Some(_) => return None,
            None => (bare, None),
        };
        let whose = match token {
            _ if staying.is_some() => Whose::Staying(token),
            Some(token) => Whose::Process(token),
            None => Whose::Unknown,
        };
        [PROGRAM_INGRESS, PROGRAM_EGRESS]
            .contains(&program)
            .then_some(Self { whose, owns_qdisc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_name_round_trips() {
        let process = Whose::Process(0xfeed_0000_0000_0001);
        let staying = [Whose::Staying(None), Whose::Staying(Some(7))];
        for whose in [Whose::Unknown, Whose::Process(0), process]
            .into_iter()
            .chain(staying)
        {
            for owns_qdisc in [false, true] {
                let mark = Mark { whose, owns_qdisc };
                assert_eq!(Mark::read(&mark.name("mermin_ingress")), Some(mark));
                assert_eq!(Mark::read(&mark.name("mermin_egress")), Some(mark));
                assert_eq!(Mark::read(&mark.name("cil_from_netdev")), None);
            }
        }
        let mark = Mark {
            whose: Whose::Process(255),
            owns_qdisc: true,
        };
        assert_eq!(
            mark.name("mermin_egress"),
            "mermin_egress@00000000000000ff+clsact"
        );
    }

    #[test]
    fn foreign_pin_names_are_ignored() {
        for name in [
            "",
            "other+clsact",
            "mermin_ingress@",
            "mermin_ingress@ff",
            "mermin_ingress@ff+pinned",
            "mermin_ingress+pinned@00000000000000ff",
            "mermin_ingress@00000000000000fg",
            "mermin_ingress@00000000000000ff@00000000000000ff",
            "mermin_general",
        ] {
            assert_eq!(Mark::read(name), None, "{name}");
        }
    }
}
