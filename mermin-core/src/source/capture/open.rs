//! Opens a source: selects interfaces, loads the program, gives each interface a ledger, attaches.

use std::sync::Arc;

use super::{
    arguments::CaptureArguments,
    events,
    exporter::record::RecordContext,
    interfaces::Candidates,
    parts::Parts,
    pinned::{FlowToClose, Leftovers, TakeOver, part, prepare},
    setup,
    thread::Capture,
};
use crate::{
    error::{Error, ErrorKind},
    probe, process,
    report::Degradation,
    source::engine::{Counters as _, Opened},
};

/// Selects interfaces, loads, attaches. The calling thread enters the chosen network namespace and stays there. A
/// failure of one interface is a degradation.
pub(super) fn open(arguments: CaptureArguments) -> Result<(Capture, Opened), Error> {
    probe::kernel::check(&probe::kernel::release())?;
    let mut candidates = Candidates::open(&arguments.options, arguments.selector.clone())?;
    candidates.check()?;
    let strict = arguments.options.strict;
    let mut given_up = Vec::new();
    given_up.extend(process::degradations(setup::wanted(&arguments.options)));
    let prepared = prepare(&arguments, &mut given_up)?;
    let grace = setup::grace(&arguments, &mut given_up)?;
    if let Some(pinned) = &prepared.pinned {
        let keeper = pinned.instance.keeper();
        keeper.move_by(setup::another_grace(&grace)?);
        candidates.set_pinned_hooks(keeper);
    }
    let (mut parts, leftovers) = Parts::new(&arguments, prepared, grace, candidates)?;
    parts.control.go_on()?;
    let registry = &parts.shared.registry;
    registry.degraded(given_up);
    registry.removed_orphans(parts.interfaces.remove_orphans());
    if leftovers.as_ref().is_some_and(Leftovers::has_flows) {
        let (slots, closer) = (&parts.slots, &parts.closer);
        part(&mut parts.interfaces, slots, closer, &parts.shared)?;
    }
    let control = Arc::clone(&parts.control);
    let (interfaces, mut around) = parts.surroundings();
    interfaces.align(strict, &mut around, || control.go_on())?;
    parts.control.go_on()?;
    let to_close = match leftovers {
        Some(leftovers) => take_over(&mut parts, leftovers)?,
        None => Vec::new(),
    };
    if strict && let Some(degradation) = parts.shared.report().degradations.first() {
        return Err(refused(degradation));
    }
    events::opened(parts.interfaces.watched().len() as u64);
    let opened = parts.opened();
    Ok((Capture::new(parts, arguments.options, to_close), opened))
}

/// Removes leftovers of earlier processes, and resumes the flows of this instance. Returns those of interfaces that
/// no longer exist.
fn take_over(parts: &mut Parts, leftovers: Leftovers) -> Result<Vec<FlowToClose>, Error> {
    let Some(instance) = &parts.instance else {
        return Ok(Vec::new());
    };
    let Some(supply) = leftovers.clear(instance, &parts.interfaces)? else {
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
    let recovered = take_over.run(supply)?;
    let registry = &parts.shared.registry;
    registry.depart_all_but(&watched, &parts.shared.ledger);
    registry.degraded(recovered.degradation());
    registry.taken_over(recovered.taken);
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
