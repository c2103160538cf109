//! Loads the program for an instance: with existing maps, or with new ones that are pinned under its name.

use std::os::fd::AsFd;

use mermin_bpf::abi::{ledger::HookDirection, names as maps};

use super::{
    degradations,
    found::{Look, keyed, look, netns},
    instance::PinnedInstance,
    notes::{NOTES, Notes, beside},
    take_over::Leftovers,
};
use crate::{
    attach::pinned_hooks::PinnedHooks,
    bpf::{
        free::FreeSlots,
        loaded::Loaded,
        pin::{
            free_stack::FreeStack,
            identity::Identity,
            instance::{Instance, InstanceError, PinnedState, Stale},
            interfaces::Interfaces,
            names,
            retired::RetiredCounters,
        },
        size::Sizes,
    },
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    probe::unavailable::{self, Unavailable},
    report::{Degradation, Feature},
    source::{
        capture::{
            arguments::{CaptureArguments, Purpose},
            drops::{self, LiveDrops},
            exporter::unacked::Unacked,
            fallback,
            loading::{begin, begin_with},
            setup::wanted_sizes,
        },
        engine::epoch,
        pinning::Pinning,
    },
    sys::bpf_pin,
};

/// The loaded program, and the state kept for it.
pub(in crate::source::capture) struct Prepared {
    pub(in crate::source::capture) loaded: Loaded,
    pub(in crate::source::capture) epoch: u64,
    pub(in crate::source::capture) pinned: Option<Pinned>,
    /// Where dropped packets are counted.
    pub(in crate::source::capture) drops: Option<LiveDrops>,
}

/// A pinned instance.
pub(in crate::source::capture) struct Pinned {
    pub(in crate::source::capture) instance: PinnedInstance,
    pub(in crate::source::capture) leftovers: Leftovers,
    pub(in crate::source::capture) unacked: Unacked,
    /// Sums of interfaces that were removed.
    pub(in crate::source::capture) retired: RetiredCounters,
    /// Interfaces that have flows.
    pub(in crate::source::capture) known: Interfaces,
}

/// Loads the kernel program for the options. Without a BPF file system, nothing is pinned.
pub(in crate::source::capture) fn prepare(
    arguments: &CaptureArguments,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let (wanted, reasons) = wanted_sizes(&arguments.options, &arguments.purpose, given_up);
    let mut prepared = load(arguments, wanted, given_up)?;
    let directory = prepared.pinned.as_ref();
    let directory = directory.and_then(|pinned| pinned.instance.path());
    if let Some((program, reasons)) = prepared.loaded.drops.take().zip(reasons) {
        prepared.drops = drops::attach(program, reasons, directory.as_deref(), given_up);
    }
    Ok(prepared)
}

/// Loads the kernel program for these sizes.
fn load(
    arguments: &CaptureArguments,
    wanted: Sizes,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let Some(pinning) = &arguments.options.pinning else {
        return unpinned(arguments, wanted, given_up);
    };
    let by = arguments.purpose.lock_held_by();
    let instance = match Instance::take(pinning.mount(), pinning.name(), by) {
        Ok(instance) => instance,
        Err(InstanceError::InUse) => return Err(degradations::in_use(pinning)),
        Err(InstanceError::Unavailable(unavailable)) => {
            give_up_pins(arguments, unavailable, given_up)?;
            return unpinned(arguments, wanted, given_up);
        }
    };
    let netns = netns()?;
    match look(arguments, wanted, &instance, netns, given_up) {
        Ok(Look {
            found: Some((found, sizes)),
            stale,
        }) => take_over(arguments, instance, found, sizes, stale, given_up),
        Ok(Look { found: None, stale }) => {
            make(arguments, wanted, instance, netns, stale, given_up)
        }
        Err(unavailable) => {
            give_up_pins(arguments, unavailable, given_up)?;
            unpinned(arguments, wanted, given_up)
        }
    }
}

/// # Errors
/// If the source is for another process, to which only pins can be passed.
fn give_up_pins(
    arguments: &CaptureArguments,
    unavailable: Unavailable,
    given_up: &mut Vec<Degradation>,
) -> Result<(), Error> {
    if matches!(arguments.purpose, Purpose::Prepare) {
        return Err(degradations::unpinned(unavailable));
    }
    given_up.push(fallback::pinning(unavailable));
    Ok(())
}

fn unpinned(
    arguments: &CaptureArguments,
    wanted: Sizes,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let (making, _) = begin(arguments, wanted, false, given_up)?;
    let loaded = making.finish()?;
    loaded.programs.connect()?;
    Ok(Prepared {
        loaded,
        epoch: epoch()?,
        pinned: None,
        drops: None,
    })
}

/// Loads new programs for the existing maps. From then on, the new programs create the flows.
fn take_over(
    arguments: &CaptureArguments,
    instance: Instance,
    mut found: PinnedState,
    sizes: Sizes,
    stale: Vec<Stale>,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    given_up.extend(degradations::lacking(&arguments.options, sizes));
    // Without the facts about the kernel there is a row already.
    let lacks_facts = given_up.iter().any(|row| row.feature == Feature::Drops);
    if arguments.options.drops && sizes.drops.is_none() && !lacks_facts {
        given_up.push(degradations::uncounted_drops());
    }
    let path = instance.path();
    let making = begin_with(arguments, sizes, (&path, found.identity.seed), given_up)?;
    arguments.control.go_on()?;
    let mut loaded = making.finish()?;
    // From here on, the instance is changed.
    arguments.control.go_on()?;
    let mut map = |name| found.maps.remove(name).map(|(map, _)| map);
    let notes = NOTES.map(&mut map);
    let notes = Notes::open(&notes, sizes)?;
    notes.redo.finish(&notes.journal, &loaded.ledger);
    notes.retired.finish(&loaded.ledger);
    let old = map(maps::MAP_FREE).and_then(|map| FreeSlots::found(map, sizes));
    let programs = pin_programs(&instance, &loaded)?;
    let hooks = PinnedHooks::new(path, found.links, found.programs);
    let free_stack = FreeStack::move_some(old, &loaded.slab, &mut loaded.free);
    instance
        .replace_map(maps::MAP_FREE, loaded.free.map())
        .map_err(|error| system("cannot take over the free slots", error))?;
    loaded.programs.connect()?;
    fail_point(FailPoint::Connected);
    let leftovers = Leftovers {
        programs,
        stale,
        free_stack: Some(free_stack),
        passed: None,
    };
    Ok(Prepared {
        loaded,
        epoch: found.identity.epoch,
        pinned: Some(with_notes(arguments, instance, hooks, notes, leftovers)),
        drops: None,
    })
}

/// Creates everything, and pins it.
fn make(
    arguments: &CaptureArguments,
    wanted: Sizes,
    instance: Instance,
    netns: u64,
    stale: Vec<Stale>,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let (making, sizes) = begin(arguments, wanted, true, given_up)?;
    let identity = Identity {
        epoch: epoch()?,
        netns,
        keyed: keyed(arguments),
        exact_end: arguments.options.exact_end.into(),
        unanalysed: (wanted.tcp_analysis && !sizes.tcp_analysis).into(),
        no_sockets: (wanted.tcp_sockets && !sizes.tcp_sockets).into(),
        uncounted_drops: (wanted.drops.is_some() && sizes.drops.is_none()).into(),
        seed: making.seed(),
    };
    arguments.control.go_on()?;
    let pinned = beside(identity, sizes)
        .map_err(|error| unavailable::refused("make maps for", &instance.path(), &error))
        .and_then(|(identity, notes)| {
            instance.make(|directory| {
                making.pin(directory)?;
                bpf_pin::pin(identity.as_fd(), &directory.join(names::IDENTITY))?;
                let mut notes = NOTES.iter().zip(&notes);
                notes.try_for_each(|(name, map)| bpf_pin::pin(map.as_fd(), &directory.join(name)))
            })?;
            Ok(notes)
        });
    let notes = match pinned {
        Ok(notes) => Some(notes),
        Err(unavailable) => {
            let _ = instance.remove_empty();
            give_up_pins(arguments, unavailable, given_up)?;
            None
        }
    };
    let loaded = making.finish()?;
    loaded.programs.connect()?;
    let Some(notes) = notes else {
        return Ok(Prepared {
            loaded,
            epoch: identity.epoch,
            pinned: None,
            drops: None,
        });
    };
    let hooks = PinnedHooks::new(instance.path(), [], Vec::new());
    let notes = Notes::open(&notes.map(Some), sizes)?;
    // From here on, a failure removes everything created.
    let leftovers = Leftovers {
        programs: Vec::new(),
        stale,
        free_stack: None,
        passed: None,
    };
    let mut pinned = with_notes(arguments, instance, hooks, notes, leftovers);
    if let Some(instance) = &pinned.instance.instance {
        pinned.leftovers.programs = pin_programs(instance, &loaded)?;
    }
    Ok(Prepared {
        loaded,
        epoch: identity.epoch,
        pinned: Some(pinned),
        drops: None,
    })
}

fn with_notes(
    arguments: &CaptureArguments,
    instance: Instance,
    hooks: PinnedHooks,
    notes: Notes,
    leftovers: Leftovers,
) -> Pinned {
    let persists = arguments
        .options
        .pinning
        .as_ref()
        .is_some_and(Pinning::persists);
    Pinned {
        instance: PinnedInstance::new(instance, hooks, persists, leftovers.has_flows()),
        leftovers,
        unacked: Unacked::new(notes.journal, notes.redo),
        retired: notes.retired,
        known: notes.known,
    }
}

fn pin_programs(instance: &Instance, loaded: &Loaded) -> Result<Vec<u32>, Error> {
    [
        (HookDirection::Ingress, &loaded.programs.ingress),
        (HookDirection::Egress, &loaded.programs.egress),
    ]
    .into_iter()
    .map(|(direction, program)| instance.pin_program(program.as_fd(), direction))
    .collect::<Result<_, _>>()
    .map_err(|error| system("cannot pin the programs", error))
}

fn system(message: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}
