//! What the names of our filters say: `mermin_ingress@<owner>+clsact`, or `mermin_ingress+pinned`.
//!
//! A filter outlasts its process, and its name is all that tells whose it was.

use mermin_bpf::abi::names::{PROGRAM_EGRESS, PROGRAM_INGRESS};

/// Marks filters whose qdisc is ours too.
const QDISC: &str = "+clsact";
/// Marks filters that are to outlast their process.
const STAYING: &str = "+pinned";
/// Stands before the token of a process.
const OWNER: char = '@';

/// Whose a filter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Nothing says so.
    Unknown,
    /// Of a process that would show itself by this token if it lived.
    Process(u64),
    /// Of whoever names the same instance: it stays when its process goes.
    Staying,
}

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) whose: Whose,
    /// The qdisc was made by one of us.
    pub(super) owns_qdisc: bool,
}

impl Mark {
    /// The name of a filter of this program.
    pub(super) fn name(self, program: &str) -> String {
        let qdisc = if self.owns_qdisc { QDISC } else { "" };
        match self.whose {
            Whose::Unknown => format!("{program}{qdisc}"),
            Whose::Process(token) => format!("{program}{OWNER}{token:016x}{qdisc}"),
            Whose::Staying => format!("{program}{STAYING}{qdisc}"),
        }
    }

    /// What a filter's name says, if it is one of ours.
    pub(super) fn read(name: &str) -> Option<Self> {
        let bare = name.strip_suffix(QDISC);
        let owns_qdisc = bare.is_some();
        let bare = bare.unwrap_or(name);
        let (program, whose) = if let Some(program) = bare.strip_suffix(STAYING) {
            (program, Whose::Staying)
        } else if let Some((program, token)) = bare.split_once(OWNER) {
            let token = u64::from_str_radix(token, 16)
                .ok()
                .filter(|_| token.len() == 16)?;
            (program, Whose::Process(token))
        } else {
            (bare, Whose::Unknown)
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
    fn a_name_is_read_as_it_was_written() {
        let process = Whose::Process(0xfeed_0000_0000_0001);
        for whose in [Whose::Unknown, Whose::Staying, Whose::Process(0), process] {
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
    fn others_names_are_not_ours() {
        for name in [
            "",
            "other+clsact",
            "mermin_ingress@",
            "mermin_ingress@ff",
            "mermin_ingress@00000000000000fg",
            "mermin_ingress@00000000000000ff@00000000000000ff",
            "mermin_general",
        ] {
            assert_eq!(Mark::read(name), None, "{name}");
        }
    }
}
