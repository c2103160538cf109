//! Preflight: finds the errors and degradations that opening would have, without opening.

use super::{arguments::Purpose, drops, fallback, host, loading, openers, setup::sizes};
use crate::{
    attach::{Attach, Hooks},
    bpf::{object, size::Sizes},
    error::Error,
    iface::{list, select::Selector},
    nat,
    probe::unavailable::Unavailable,
    report::{Check, CheckKind, Degradation, Feature, Outcome, Report},
    source::options::Options,
};

/// Tries each step of opening in the calling thread, which enters the chosen network namespace.
pub(in crate::source) fn preflight(options: &Options, selector: &Selector) -> Report {
    let wanted = sizes(options);
    let pinned = options.pinning.is_some();
    let mut there = wanted;
    let mut checks = vec![host::kernel()];
    let mut degradations = Vec::new();
    if checks[0].outcome != Outcome::Failed {
        let facts = options.drops.then(drops::read_facts);
        let of_kernel = facts.as_ref().and_then(|facts| facts.as_ref().ok());
        let trial = Sizes {
            slots: 1,
            drops: of_kernel.map(|facts| facts.0),
            openers: openers::facts(options, &Purpose::Capture, &mut degradations),
            ..wanted
        };
        let load = |sizes| object::load(options.test_hooks.object, sizes);
        let mut loaded = if options.strict {
            load(trial).map_err(Error::from)
        } else {
            let room = |sizes| {
                let whole = Sizes {
                    slots: wanted.slots,
                    ..sizes
                };
                host::room(whole, pinned)
            };
            let load = |sizes| match loading::make_room(sizes, room) {
                // Without anything to give up, the check of the memory says so.
                Err(refusal) if refusal.spare.is_some() => Err(refusal),
                _ => load(sizes),
            };
            loading::with_less(trial, &mut degradations, load, || Ok(())).map(|(loaded, sizes)| {
                there.tcp_analysis = sizes.tcp_analysis;
                there.tcp_sockets = sizes.tcp_sockets;
                there.openers = sizes.openers;
                loaded
            })
        };
        let program = loaded
            .as_mut()
            .ok()
            .and_then(|loaded| loaded.openers.take());
        degradations.extend(program.and_then(|program| openers::attach(program).err()));
        if let (Some(facts), Ok(loaded)) = (facts, &loaded) {
            let refused = position_of_drops(&degradations).map(|row| degradations.remove(row));
            let asked = Sizes {
                drops: trial.drops,
                ..there
            };
            let room = host::room(asked, pinned);
            checks.push(match refused {
                Some(row) => host::no_drops(Unavailable {
                    cause: row.cause,
                    remedy: row.remedy,
                }),
                None => host::drops(facts.map(drop), room, loaded.drops.as_ref()),
            });
        }
        checks.extend(host::program(loaded));
    }
    checks.push(host::privilege());
    checks.push(host::membarrier());
    checks.push(host::memory(there, pinned));
    checks.push(host::bpffs(options.bpffs()));
    checks.push(host::btf());
    let names = options
        .netns
        .enter()
        .and_then(|_| interfaces(selector, !options.no_hot_plug));
    if options.nat && names.is_ok() {
        degradations.extend(nat::degradation());
    }
    checks.push(host::host_namespace());
    checks.push(host::interfaces(names));
    let by_tcx = checks
        .iter()
        .any(|check| check.subject == CheckKind::Tcx && check.outcome != Outcome::Failed);
    for check in &mut checks {
        match without(check.subject, options, by_tcx) {
            Without::Nothing => check.needed = true,
            Without::Less(stand_in) if check.outcome == Outcome::Failed => {
                degradations.push(stand_in(trouble(check)));
            }
            Without::Less(_) | Without::All => {}
        }
    }
    Report {
        degradations,
        checks,
        ..Report::default()
    }
}

/// Returns the position of the row that says why dropped packets are not counted. The check of dropped packets says so instead.
fn position_of_drops(rows: &[Degradation]) -> Option<usize> {
    rows.iter().position(|row| row.feature == Feature::Drops)
}

/// Returns the names of the interfaces that would be watched now.
fn interfaces(selector: &Selector, waits: bool) -> Result<Vec<String>, Error> {
    let all = list::links(Hooks::open()?.netlink())?;
    selector.check(&all, waits)?;
    let scope = selector.scope(&all);
    let wanted = all.iter().filter(|at| selector.wants(scope, at, false));
    Ok(wanted.map(|at| at.name.clone()).collect())
}

/// The effect of a missing feature.
#[derive(Clone, Copy, Debug)]
enum Without {
    /// No flow can be captured.
    Nothing,
    /// A fallback is used.
    Less(fn(Unavailable) -> Degradation),
    /// The options do not need it.
    All,
}

/// Returns the effect of a missing feature with these options. `by_tcx` is true if [`Attach::Auto`] would use TCX.
fn without(subject: CheckKind, options: &Options, by_tcx: bool) -> Without {
    let stand_in: fn(Unavailable) -> Degradation = match (subject, options.attach.mode) {
        (CheckKind::Kernel | CheckKind::Program | CheckKind::Memory | CheckKind::Interfaces, _)
        | (CheckKind::Tcx, Attach::Tcx)
        | (CheckKind::Tc, Attach::Tc) => return Without::Nothing,
        (CheckKind::Tc, Attach::Auto) if !by_tcx => return Without::Nothing,
        (CheckKind::Tcx, Attach::Auto) => fallback::tcx,
        (CheckKind::Membarrier, _) => fallback::membarrier,
        (CheckKind::Drops, _) if options.drops => fallback::drops,
        (CheckKind::Bpffs, _) if options.pinning.is_some() => fallback::pinning,
        _ => return Without::All,
    };
    if options.strict {
        Without::Nothing
    } else {
        Without::Less(stand_in)
    }
}

fn trouble(check: &Check) -> Unavailable {
    let remedy = check.remedy.clone();
    Unavailable {
        cause: check.found.clone(),
        remedy: remedy.unwrap_or_else(|| "see the cause".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Attach; 3] = [Attach::Auto, Attach::Tcx, Attach::Tc];

    /// Effect of each missing feature: no capture (`-`), a fallback (`~`), or none (`+`). The three signs of a word
    /// are for `Auto`, `Tcx` and `Tc`; the words are for no options, pinned, strict, and both.
    const MATRIX: [(CheckKind, [&str; 4]); 12] = [
        (CheckKind::Kernel, ["---", "---", "---", "---"]),
        (CheckKind::Program, ["---", "---", "---", "---"]),
        (CheckKind::Memory, ["---", "---", "---", "---"]),
        (CheckKind::Interfaces, ["---", "---", "---", "---"]),
        (CheckKind::Privilege, ["+++", "+++", "+++", "+++"]),
        (CheckKind::Tcx, ["~-+", "~-+", "--+", "--+"]),
        (CheckKind::Tc, ["++-", "++-", "++-", "++-"]),
        (CheckKind::Membarrier, ["~~~", "~~~", "---", "---"]),
        (CheckKind::Drops, ["~~~", "~~~", "---", "---"]),
        (CheckKind::Bpffs, ["+++", "~~~", "+++", "---"]),
        (CheckKind::Btf, ["+++", "+++", "+++", "+++"]),
        (CheckKind::HostNamespace, ["+++", "+++", "+++", "+++"]),
    ];

    fn options(mode: Attach, pinned: bool, strict: bool) -> Options {
        let mut options = Options {
            strict,
            drops: true,
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
    fn features_available_without_each_capability() {
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
    fn tc_filters_are_used_without_tcx() {
        for strict in [false, true] {
            let found = MODES.map(|mode| {
                let options = options(mode, false, strict);
                sign(without(CheckKind::Tc, &options, false))
            });
            assert_eq!(found, ['-', '+', '-']);
        }
    }

    #[test]
    fn missing_feature_has_a_degradation() {
        let check = Check::new(CheckKind::Tcx, Outcome::Failed, "it is not there");
        let options = options(Attach::Auto, true, false);
        for (subject, feature) in [
            (CheckKind::Tcx, Feature::Tcx),
            (CheckKind::Membarrier, Feature::Membarrier),
            (CheckKind::Drops, Feature::Drops),
            (CheckKind::Bpffs, Feature::Pinning),
        ] {
            let Without::Less(stand_in) = without(subject, &options, true) else {
                panic!("nothing stands in for {subject:?}");
            };
            let said = stand_in(trouble(&check));
            assert_eq!((said.feature, &*said.cause), (feature, "it is not there"));
        }
    }
}
