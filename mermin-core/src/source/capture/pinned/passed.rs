//! Continues with what another process prepared and passed. Every descriptor is compared with what this build would have
//! made.

use std::{
    collections::HashMap,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::names as maps;

use super::{
    degradations,
    descriptors::{Sorted, identify, sort, unreadable},
    found::{fit, netns},
    hand_over::settings,
    instance::PinnedInstance,
    notes::{NOTES, Notes},
    prepare::{Pinned, Prepared},
    take_over::Leftovers,
};
use crate::{
    attach::pinned_hooks::PinnedHooks,
    bpf::{
        drop_facts::DropReasons,
        free::FreeSlots,
        memory::Named,
        object::Making,
        pin::{
            free_stack::FreeStack,
            identity,
            instance::PinnedState,
            lock::{Lock, LockError},
            names,
        },
        size::Sizes,
    },
    error::{Error, ErrorKind},
    probe::unavailable::Unavailable,
    report::Degradation,
    source::{
        capture::{
            arguments::CaptureArguments, drops::LiveDrops, exporter::unacked::Unacked, fallback,
            setup::wanted_sizes,
        },
        handover::{
            Handover,
            header::{FreeSlotNumbers, Header, invalid},
        },
    },
    sys::bpf_pin,
};

/// Uses what another process prepared with the same options.
///
/// # Errors
/// [`ErrorKind::InvalidOption`] if the options, the version or a descriptor differ; [`ErrorKind::InUse`] if another process
/// owns the instance.
pub(in crate::source::capture) fn prepare_passed(
    arguments: &CaptureArguments,
    handover: Handover,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let (header, descriptors) = handover.into_roles();
    check(&header, arguments)?;
    let Sorted {
        lock,
        maps,
        programs,
        links,
        drop_link,
        former_free,
    } = sort(descriptors);
    let lock = locked(lock)?;
    let (mut found, sections) = look(maps)?;
    let (sizes, reasons) = sizes_of(arguments, &found, sections.is_some(), given_up)?;
    let attached = identify(&programs, &links, drop_link.as_ref())?;
    let mut map = |name| found.maps.remove(name).map(|(map, _)| map);
    let notes = Notes::open(&NOTES.map(&mut map), sizes)?;
    let mut named: Named = found
        .maps
        .drain()
        .map(|(name, (map, _))| (name, map))
        .collect();
    named.extend(sections.map(|map| (maps::MAP_SECTIONS.to_owned(), map)));
    let mut loaded = Making::passed(named, programs, sizes, found.identity.seed)?.finish()?;
    let drops = match (loaded.drops.take(), reasons, drop_link) {
        (Some(program), Some(reasons), Some(link)) => Some(LiveDrops {
            flowless: program.into_counters(reasons),
            link,
        }),
        (_, reasons, _) => {
            // Without reasons the report has a row already.
            given_up.extend(reasons.map(|_| fallback::drops(uncounted_drops())));
            None
        }
    };
    let free_stack = restore(header.free_stack, former_free, sizes, loaded.slab.touched())?;
    // Sections that were lost after the header was made are this process's to report, so it counts from the header's number.
    loaded.sections_lost_before = header
        .sections_lost
        .ok_or_else(|| invalid("its header has no line `sections_lost`"))?;
    Ok(Prepared {
        epoch: found.identity.epoch,
        pinned: Some(Pinned {
            instance: PinnedInstance::passed(lock, PinnedHooks::passed(links), header.persist),
            leftovers: Leftovers::passed(free_stack, attached),
            unacked: Unacked::new(notes.journal, notes.redo),
            retired: notes.retired,
            known: notes.known,
        }),
        loaded,
        drops,
    })
}

fn check(header: &Header, arguments: &CaptureArguments) -> Result<(), Error> {
    let own = names::layout();
    if header.layout != own {
        let why = format!(
            "its layout is `{}`, and that of this version is `{own}`",
            header.layout
        );
        return Err(invalid(why).with_remedy("start both processes from the same version"));
    }
    for (name, here) in settings(&arguments.options) {
        let there = header.settings.iter().find(|(there, _)| *there == name);
        let there = there.map_or("missing", |(_, value)| value);
        if there != here {
            let why = format!("`{name}` is {there} there, and {here} here");
            return Err(invalid(why).with_remedy("give both processes the same options"));
        }
    }
    Ok(())
}

fn locked(lock: Option<OwnedFd>) -> Result<Lock, Error> {
    let lock = lock.ok_or_else(|| invalid("the lock of the instance is missing"))?;
    Lock::passed(lock).map_err(|error| match error {
        LockError::InUse => Error::new(
            ErrorKind::InUse,
            "cannot use what another process passed: the instance has another owner",
        )
        .with_remedy("stop the process that owns it"),
        LockError::System(_, error) => {
            invalid("the lock of the instance is no lock").with_source(error)
        }
    })
}

/// Reads the shapes of the maps, and the identity of the instance. The map of sections is apart, because it is in no pin.
fn look(maps: Named) -> Result<(PinnedState, Option<OwnedFd>), Error> {
    let mut found = HashMap::new();
    let mut sections = None;
    for (name, map) in maps {
        let shape = bpf_pin::shape(map.as_fd())
            .map_err(|error| unreadable("map", &name).with_source(error))?;
        if !bpf_pin::is_named(map.as_fd(), &name).unwrap_or(false) {
            return Err(invalid(format!("`{name}` is another map")));
        }
        if name == maps::MAP_SECTIONS {
            sections = Some(map);
        } else {
            found.insert(name, (map, shape));
        }
    }
    let identity = match found.get(names::IDENTITY) {
        Some((map, shape)) if *shape == identity::shape() => identity::read(map)
            .map_err(|error| unreadable("map", names::IDENTITY).with_source(error))?,
        _ => return Err(invalid(format!("`{}` is missing", names::IDENTITY))),
    };
    let found = PinnedState {
        maps: found,
        identity,
        links: Vec::new(),
        programs: Vec::new(),
        foreign: Vec::new(),
    };
    Ok((found, sections))
}

/// Returns the sizes of the maps, and the names of the kernel's reasons if dropped packets are counted.
fn sizes_of(
    arguments: &CaptureArguments,
    found: &PinnedState,
    has_sections: bool,
    given_up: &mut Vec<Degradation>,
) -> Result<(Sizes, Option<DropReasons>), Error> {
    let (mut wanted, reasons) = wanted_sizes(&arguments.options, &arguments.purpose, given_up);
    if wanted.sections != 0 && !has_sections {
        wanted.sections = 0;
        let refused = Error::new(ErrorKind::System, "cannot make a ring buffer");
        given_up.push(fallback::names(&refused));
    }
    let sizes = fit(arguments, wanted, found, netns()?).map_err(invalid)?;
    given_up.extend(degradations::lacking(&arguments.options, sizes));
    Ok((sizes, reasons))
}

/// Restores the free slots of a former process. A process whose stack could not be used has slots that moved, and no map.
fn restore(
    free_stack: Option<FreeSlotNumbers>,
    former: Option<OwnedFd>,
    sizes: Sizes,
    touched: u32,
) -> Result<FreeStack, Error> {
    if free_stack.is_none() && former.is_some() {
        return Err(invalid("it has the map `former_free`, and no free slots"));
    }
    let FreeSlotNumbers { known, moved } = free_stack.unwrap_or_default();
    if known > touched {
        let why =
            format!("{known} slots were used according to its header, and {touched} in the table");
        return Err(invalid(why));
    }
    let found = |map| {
        FreeSlots::found(map, sizes)
            .ok_or_else(|| invalid("`former_free` is another map, or cannot be mapped"))
    };
    let former = former.map(found).transpose()?;
    Ok(FreeStack::from_parts(known, &moved, former))
}

fn uncounted_drops() -> Unavailable {
    Unavailable {
        cause: "the process that prepared passed no program for them".into(),
        remedy: "see the report of that process".into(),
    }
}
