//! Opens a source: selects interfaces, loads the program, gives each interface a ledger, attaches.

use std::sync::Arc;

use super::{
    arguments::{CaptureArguments, Purpose},
    events,
    exporter::record::RecordContext,
    interfaces::Candidates,
    parts::Parts,
    pinned::{FlowToClose, Leftovers, Passing, Prepared, TakeOver, part, prepare, prepare_passed},
    setup,
    thread::Capture,
};
use crate::{
    error::{Error, ErrorKind},
    probe::{self, privilege},
    process,
    report::{Degradation, Report},
    source::{
        engine::{Counters as _, Opened},
        handover::Handover,
        pinning::Pinning,
    },
    sys::capabilities,
};

/// A source whose programs are attached.
struct Attached {
    parts: Parts,
    leftovers: Option<Leftovers>,
    /// Copies for another process, if the source is prepared for one.
    passing: Option<Passing>,
}

/// Selects interfaces, loads, attaches. The calling thread enters the chosen network namespace and stays there. A
/// failure of one interface is a degradation.
pub(super) fn open(mut arguments: CaptureArguments) -> Result<(Capture, Opened), Error> {
    let Attached {
        mut parts,
        leftovers,
        ..
    } = attach(&mut arguments)?;
    let to_close = match leftovers {
        Some(leftovers) => take_over(&mut parts, leftovers)?,
        None => Vec::new(),
    };
    check_strict(&arguments, &parts.shared.report().degradations)?;
    if arguments.options.drop_capabilities {
        capabilities::keep_only(privilege::while_open()).map_err(|error| {
            Error::new(ErrorKind::System, "cannot give up capabilities").with_source(error)
        })?;
    }
    events::opened(parts.interfaces.watched().len() as u64);
    let opened = parts.opened();
    Ok((Capture::new(parts, arguments.options, to_close), opened))
}

/// Selects interfaces, loads, attaches and pins, for another process.
pub(super) fn prepare_for_another(
    mut arguments: CaptureArguments,
) -> Result<(Handover, Report), Error> {
    let Attached {
        mut parts,
        leftovers,
        passing,
    } = attach(&mut arguments)?;
    // A refusal removes what is new: nothing is left to another process yet.
    check_strict(&arguments, &parts.shared.report().degradations)?;
    let (Some(instance), Some(passing)) = (&mut parts.instance, passing) else {
        return Err(Pinning::missing());
    };
    let free_stack = match leftovers {
        Some(leftovers) => leftovers.clear(instance, &parts.interfaces)?,
        None => None,
    };
    let handover = passing.hand_over(instance, free_stack.as_ref(), &arguments.options)?;
    Ok((handover, parts.shared.report()))
}

/// Does everything up to attaching.
fn attach(arguments: &mut CaptureArguments) -> Result<Attached, Error> {
    probe::kernel::check(&probe::kernel::release())?;
    let mut candidates = Candidates::open(&arguments.options, arguments.selector.clone())?;
    candidates.check()?;
    let strict = arguments.options.strict;
    let mut given_up = Vec::new();
    given_up.extend(process::degradations(setup::wanted(&arguments.options)));
    let passed = match &mut arguments.purpose {
        Purpose::Passed(handover) => handover.take(),
        Purpose::Capture | Purpose::Prepare => None,
    };
    let prepared = match passed {
        Some(handover) => prepare_passed(arguments, handover, &mut given_up)?,
        None => prepare(arguments, &mut given_up)?,
    };
    let passing = match (&arguments.purpose, &prepared.pinned) {
        (Purpose::Prepare, Some(_)) => Some(passing(&prepared)?),
        _ => None,
    };
    let grace = setup::grace(arguments, &mut given_up)?;
    check_strict(arguments, &given_up)?;
    if let Some(pinned) = &prepared.pinned {
        let hooks = pinned.instance.hooks();
        hooks.move_by(setup::another_grace(&grace)?);
        candidates.set_pinned_hooks(hooks);
    }
    let (mut parts, leftovers) = Parts::new(arguments, prepared, grace, candidates)?;
    parts.control.go_on()?;
    let registry = &parts.shared.registry;
    registry.degraded(given_up);
    let elsewhere = leftovers.as_ref().and_then(Leftovers::attached_elsewhere);
    if let Some(interfaces) = elsewhere {
        parts.interfaces.set_taken_over(interfaces.clone());
    } else {
        registry.found_orphans(parts.interfaces.remove_orphans());
        if leftovers.as_ref().is_some_and(Leftovers::has_flows) {
            let (slots, closer) = (&parts.slots, &parts.closer);
            part(&mut parts.interfaces, slots, closer, &parts.shared)?;
        }
    }
    let control = Arc::clone(&parts.control);
    let (interfaces, mut around) = parts.surroundings();
    interfaces.align(strict, &mut around, || control.go_on())?;
    parts.control.go_on()?;
    Ok(Attached {
        parts,
        leftovers,
        passing,
    })
}

fn passing(prepared: &Prepared) -> Result<Passing, Error> {
    let copied = prepared
        .loaded
        .beside_pins()
        .and_then(|beside| Passing::new(beside, prepared.drops.as_ref()));
    copied.map_err(|error| {
        Error::new(ErrorKind::Exhausted, "cannot copy the source's descriptors")
            .with_remedy("raise the limit: `ulimit -n 4096`")
            .with_source(error)
    })
}

fn check_strict(arguments: &CaptureArguments, given_up: &[Degradation]) -> Result<(), Error> {
    match given_up.first() {
        Some(degradation) if arguments.options.strict => Err(refused(degradation)),
        _ => Ok(()),
    }
}

/// Removes leftovers of earlier processes, and resumes the flows of this instance. Returns those of interfaces that
/// no longer exist.
fn take_over(parts: &mut Parts, leftovers: Leftovers) -> Result<Vec<FlowToClose>, Error> {
    let Some(instance) = &parts.instance else {
        return Ok(Vec::new());
    };
    let Some(free_stack) = leftovers.clear(instance, &parts.interfaces)? else {
        return Ok(Vec::new());
    };
    parts.clock.read()?;
    let watched = parts.interfaces.watched();
    let take_over = TakeOver {
        slots: &mut parts.slots,
        exporter: &mut parts.exporter,
        closer: &mut parts.closer,
        records: &RecordContext::new(&mut parts.clock, parts.interfaces.names()),
        watched: &watched,
    };
    let recovered = take_over.run(free_stack)?;
    let registry = &parts.shared.registry;
    registry.depart_all_but(&watched, &parts.shared.ledger);
    registry.degraded(recovered.degradation());
    registry.recovered(recovered.taken);
    if let Some(sampler) = &mut parts.sampler {
        sampler.resume(recovered.taken.flows);
    }
    parts.interfaces.end_take_over(&parts.slots);
    Ok(recovered.to_close)
}

fn refused(degradation: &Degradation) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("cannot open without giving something up: {degradation}"),
    )
    .with_remedy("follow the remedy given, or leave `strict` off")
}
