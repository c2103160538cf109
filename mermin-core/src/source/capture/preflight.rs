//! What opening would meet, found without opening.

use super::{Options, open::sizes, stand_in};
use crate::{
    attach::{Attach, Hooks},
    bpf::{object, size::Sizes},
    error::Error,
    iface::{list, select::Selector},
    probe::{host, trouble::Trouble},
    report::{Answer, Degradation, Fact, Report, Subject},
    source::options::DEFAULT_FLOWS,
};

/// Tries all that opening takes, in the calling thread, which moves to the network namespace asked for.
pub(in crate::source) fn preflight(options: &Options, selector: &Selector) -> Report {
    let mut facts = vec![host::kernel()];
    if !facts[0].prevents() {
        let trial = Sizes {
            slots: 1,
            ..sizes(options)
        };
        facts.extend(host::program(object::load(options.workings.object, trial)));
    }
    facts.push(host::privilege());
    facts.push(host::membarrier());
    facts.push(host::memory(options.max_flows.unwrap_or(DEFAULT_FLOWS)));
    facts.push(host::bpffs(options.bpffs()));
    facts.push(host::btf());
    let names = options
        .netns
        .enter()
        .and_then(|_| interfaces(selector, !options.no_hot_plug));
    facts.push(host::host_namespace());
    facts.push(host::interfaces(names.as_ref().map(Clone::clone)));
    for fact in &mut facts {
        fact.needed |= is_needed(fact.subject, options);
    }
    Report {
        degradations: facts
            .iter()
            .filter(|fact| !fact.needed && fact.answer == Answer::No)
            .filter_map(|fact| given_up(fact, options))
            .collect(),
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

/// What stands in for nothing under these options.
fn is_needed(subject: Subject, options: &Options) -> bool {
    match subject {
        Subject::Tcx => options.strict || options.attach.mode == Attach::Tcx,
        Subject::Tc => matches!(options.attach.mode, Attach::Tc { .. }),
        Subject::Membarrier => options.strict,
        Subject::Bpffs => options.strict && options.pinning.is_some(),
        Subject::Memory => true,
        _ => false,
    }
}

fn given_up(fact: &Fact, options: &Options) -> Option<Degradation> {
    let stand_in = match fact.subject {
        Subject::Tcx if options.attach.mode == Attach::Auto => stand_in::tcx,
        Subject::Membarrier => stand_in::membarrier,
        Subject::Bpffs if options.pinning.is_some() => stand_in::pinning,
        _ => return None,
    };
    let remedy = fact.remedy.clone();
    Some(stand_in(Trouble {
        cause: fact.found.clone(),
        remedy: remedy.unwrap_or_else(|| "see the cause".into()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Feature;

    fn no(subject: Subject) -> Fact {
        Fact::new(subject, Answer::No, "it is not there")
    }

    #[test]
    fn what_stands_in_is_said_for_each_fact_and_option() {
        let auto = Options::default();
        let mut tc = Options::default();
        tc.attach.mode = Attach::Tc { priority: 1 };
        let pinned = Options {
            pinning: Some(crate::Pinning::instance("x")),
            ..Options::default()
        };
        for (subject, options, feature) in [
            (Subject::Tcx, &auto, Some(Feature::Tcx)),
            (Subject::Tcx, &tc, None),
            (Subject::Tc, &auto, None),
            (Subject::Membarrier, &auto, Some(Feature::Membarrier)),
            (Subject::Bpffs, &auto, None),
            (Subject::Bpffs, &pinned, Some(Feature::Pinning)),
            (Subject::Btf, &auto, None),
            (Subject::HostNamespace, &auto, None),
        ] {
            let found = given_up(&no(subject), options).map(|found| found.feature);
            assert_eq!(found, feature, "{subject:?}");
        }
    }

    #[test]
    fn strict_leaves_nothing_to_stand_in() {
        let strict = Options {
            strict: true,
            pinning: Some(crate::Pinning::instance("x")),
            ..Options::default()
        };
        for subject in [Subject::Tcx, Subject::Membarrier, Subject::Bpffs] {
            assert!(is_needed(subject, &strict), "{subject:?}");
            assert!(!is_needed(subject, &Options::default()), "{subject:?}");
        }
        let mut tcx = Options::default();
        tcx.attach.mode = Attach::Tcx;
        assert!(is_needed(Subject::Tcx, &tcx));
    }
}
