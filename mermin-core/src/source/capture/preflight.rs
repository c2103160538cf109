//! Preflight: finds all that opening would meet, without opening.

use super::{fallback, host, setup::sizes};
use crate::{
    attach::{Attach, Hooks},
    bpf::{object, size::Sizes},
    error::Error,
    iface::{list, select::Selector},
    probe::trouble::Trouble,
    report::{Degradation, Fact, Outcome, Report, Subject},
    source::options::{DEFAULT_FLOWS, Options},
};

/// Tries all that opening takes, in the calling thread, which moves to the network namespace asked for.
pub(in crate::source) fn preflight(options: &Options, selector: &Selector) -> Report {
    let mut facts = vec![host::kernel()];
    if facts[0].outcome != Outcome::Failed {
        let trial = Sizes {
            slots: 1,
            ..sizes(options)
        };
        facts.extend(host::program(object::load(options.workings.object, trial)));
    }
    facts.push(host::privilege());
    facts.push(host::membarrier());
    facts.push(host::memory(
        options.max_flows.unwrap_or(DEFAULT_FLOWS),
        options.pinning.is_some(),
    ));
    facts.push(host::bpffs(options.bpffs()));
    facts.push(host::btf());
    let names = options
        .netns
        .enter()
        .and_then(|_| interfaces(selector, !options.no_hot_plug));
    facts.push(host::host_namespace());
    facts.push(host::interfaces(names));
    let by_tcx = facts
        .iter()
        .any(|fact| fact.subject == Subject::Tcx && fact.outcome != Outcome::Failed);
    let mut degradations = Vec::new();
    for fact in &mut facts {
        match without(fact.subject, options, by_tcx) {
            Without::Nothing => fact.needed = true,
            Without::Less(stand_in) if fact.outcome == Outcome::Failed => {
                degradations.push(stand_in(trouble(fact)));
            }
            Without::Less(_) | Without::All => {}
        }
    }
    Report {
        degradations,
        facts,
        ..Report::default()
    }
}

/// Names of the interfaces that would be watched now.
fn interfaces(selector: &Selector, waits: bool) -> Result<Vec<String>, Error> {
    let all = list::links(Hooks::open()?.netlink())?;
    selector.check(&all, waits)?;
    let scope = selector.scope(&all);
    let wanted = all.iter().filter(|at| selector.wants(scope, at, false));
    Ok(wanted.map(|at| at.name.clone()).collect())
}

/// The rest that can be had without something.
#[derive(Clone, Copy, Debug)]
enum Without {
    /// No flow can be captured.
    Nothing,
    /// Something stands in.
    Less(fn(Trouble) -> Degradation),
    /// It was not asked for.
    All,
}

/// The rest that these options can have where a host lacks something. `by_tcx` is true if there is TCX for [`Attach::Auto`].
fn without(subject: Subject, options: &Options, by_tcx: bool) -> Without {
    let stand_in: fn(Trouble) -> Degradation = match (subject, options.attach.mode) {
        (Subject::Kernel | Subject::Program | Subject::Memory | Subject::Interfaces, _)
        | (Subject::Tcx, Attach::Tcx)
        | (Subject::Tc, Attach::Tc) => return Without::Nothing,
        (Subject::Tc, Attach::Auto) if !by_tcx => return Without::Nothing,
        (Subject::Tcx, Attach::Auto) => fallback::tcx,
        (Subject::Membarrier, _) => fallback::membarrier,
        (Subject::Bpffs, _) if options.pinning.is_some() => fallback::pinning,
        _ => return Without::All,
    };
    if options.strict {
        Without::Nothing
    } else {
        Without::Less(stand_in)
    }
}

fn trouble(fact: &Fact) -> Trouble {
    let remedy = fact.remedy.clone();
    Trouble {
        cause: fact.found.clone(),
        remedy: remedy.unwrap_or_else(|| "see the cause".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Feature;

    const MODES: [Attach; 3] = [Attach::Auto, Attach::Tcx, Attach::Tc];

    /// The part that can be had without each thing: nothing (`-`), less (`~`) or all (`+`). A word is for `Auto`, `Tcx` and
    /// `Tc`; the words are for no options, pinned, strict, and both.
    const MATRIX: [(Subject, [&str; 4]); 11] = [
        (Subject::Kernel, ["---", "---", "---", "---"]),
        (Subject::Program, ["---", "---", "---", "---"]),
        (Subject::Memory, ["---", "---", "---", "---"]),
        (Subject::Interfaces, ["---", "---", "---", "---"]),
        (Subject::Privilege, ["+++", "+++", "+++", "+++"]),
        (Subject::Tcx, ["~-+", "~-+", "--+", "--+"]),
        (Subject::Tc, ["++-", "++-", "++-", "++-"]),
        (Subject::Membarrier, ["~~~", "~~~", "---", "---"]),
        (Subject::Bpffs, ["+++", "~~~", "+++", "---"]),
        (Subject::Btf, ["+++", "+++", "+++", "+++"]),
        (Subject::HostNamespace, ["+++", "+++", "+++", "+++"]),
    ];

    fn options(mode: Attach, pinned: bool, strict: bool) -> Options {
        let mut options = Options {
            strict,
            pinning: pinned.then(|| crate::Pinning::instance("x")),
            ..Options::default()
        };
        options.attach.mode = mode;
        options
    }

    fn sign(without: Without) -> char {
        match without {
            Without::Nothing => '-',
            Without::Less(_) => '~',
            Without::All => '+',
        }
    }

    #[test]
    fn what_can_be_had_without_each_thing() {
        for (subject, expected) in MATRIX {
            let found = [(false, false), (true, false), (false, true), (true, true)].map(
                |(pinned, strict)| -> String {
                    let options = MODES.map(|mode| options(mode, pinned, strict));
                    let without = options.map(|options| without(subject, &options, true));
                    without.map(sign).iter().collect()
                },
            );
            assert_eq!(found, expected, "{subject:?}");
        }
    }

    #[test]
    fn without_tcx_filters_are_all_there_is() {
        for strict in [false, true] {
            let found = MODES.map(|mode| {
                let options = options(mode, false, strict);
                sign(without(Subject::Tc, &options, false))
            });
            assert_eq!(found, ['-', '+', '-']);
        }
    }

    #[test]
    fn what_stands_in_is_told_of_the_thing_itself() {
        let fact = Fact::new(Subject::Tcx, Outcome::Failed, "it is not there");
        let options = options(Attach::Auto, true, false);
        for (subject, feature) in [
            (Subject::Tcx, Feature::Tcx),
            (Subject::Membarrier, Feature::Membarrier),
            (Subject::Bpffs, Feature::Pinning),
        ] {
            let Without::Less(stand_in) = without(subject, &options, true) else {
                panic!("nothing stands in for {subject:?}");
            };
            let said = stand_in(trouble(&fact));
            assert_eq!((said.feature, &*said.cause), (feature, "it is not there"));
        }
    }
}
