//! Loading for an instance: with the maps that are there, or with new ones that get its names.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
    sync::Arc,
};

use mermin_bpf::abi::{ledger::Direction, names as maps};

use super::{Kept, said};
use crate::{
    attach::keep::Keeper,
    bpf::{
        object::{Loaded, Making, shared_maps},
        pin::{
            departed::{self, Departed},
            identity::{self, Identity},
            instance::{Found, Instance, Refused, Stale},
            journal::{self, Journal},
            names,
            redo::{self, Redo},
            supply::{Rest, Supply},
        },
        size::Sizes,
    },
    error::{Error, ErrorKind},
    points::{Point, pass},
    probe::trouble::{self, Trouble},
    report::Degradation,
    source::{
        capture::{
            Job,
            open::{epoch, sizes},
            stand_in,
        },
        options::{DEFAULT_FLOWS, MOST_FLOWS},
        pinning::Pinning,
    },
    sys::{bpf_pin, netns_cookie},
};

/// Loaded, and what is kept of it.
pub(in crate::source::capture) struct Prepared {
    pub(in crate::source::capture) loaded: Loaded,
    pub(in crate::source::capture) epoch: u64,
    pub(in crate::source::capture) kept: Option<Kept>,
    /// What it kept of interfaces that left.
    pub(in crate::source::capture) departed: Option<Departed>,
}

/// Loads the kernel program for what is asked for; without a BPF file system, unpinned.
pub(in crate::source::capture) fn prepare(
    job: &Job,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let Some(pinning) = &job.options.pinning else {
        return unpinned(job);
    };
    let instance = match Instance::take(pinning.mount(), pinning.name()) {
        Ok(instance) => instance,
        Err(Refused::InUse) => return Err(said::in_use(pinning)),
        Err(Refused::Unavailable(trouble)) => {
            given_up.push(stand_in::pinning(trouble));
            return unpinned(job);
        }
    };
    let netns = netns_cookie::current().map_err(|error| {
        Error::new(ErrorKind::System, "cannot tell network namespaces apart").with_source(error)
    })?;
    match look(job, &instance, netns, given_up) {
        Ok(Look {
            found: Some((found, sizes)),
            stale,
        }) => take_over(job, instance, found, sizes, stale, given_up),
        Ok(Look { found: None, stale }) => make(job, instance, netns, stale, given_up),
        Err(trouble) => {
            given_up.push(stand_in::pinning(trouble));
            unpinned(job)
        }
    }
}

fn unpinned(job: &Job) -> Result<Prepared, Error> {
    Ok(Prepared {
        loaded: crate::bpf::object::load(job.options.workings.object, sizes(&job.options))?,
        epoch: epoch()?,
        kept: None,
        departed: None,
    })
}

/// What there is.
struct Look {
    found: Option<(Found, Sizes)>,
    stale: Vec<Stale>,
}

/// Looks at what former processes left, and moves out of the way what cannot be taken over.
fn look(
    job: &Job,
    instance: &Instance,
    netns: u64,
    given_up: &mut Vec<Degradation>,
) -> Result<Look, Trouble> {
    let path = instance.path();
    let refused = |error| trouble::refused("read the pins in", &path, &error);
    let usable = instance
        .find()
        .map_err(refused)?
        .map(|found| found.and_then(|found| Ok((fit(job, &found, netns)?, found))));
    let found = match usable {
        Some(Ok((sizes, found))) => {
            if !found.foreign.is_empty() {
                given_up.push(said::foreign(&found.foreign, &path));
            }
            Some((found, sizes))
        }
        Some(Err(why)) => {
            instance.set_aside().map_err(refused)?;
            given_up.push(said::unusable(&why));
            None
        }
        None => None,
    };
    for name in instance.other_layouts().map_err(refused)? {
        given_up.push(said::other_layout(&name));
    }
    Ok(Look {
        found,
        stale: instance.stale().map_err(refused)?,
    })
}

/// The sizes of what was found, if each map is as this build would make it.
fn fit(job: &Job, found: &Found, netns: u64) -> Result<Sizes, String> {
    if found.identity.netns != netns {
        return Err("its interfaces are in another network namespace".to_owned());
    }
    let entries = |name| {
        let found = found.maps.get(name).map(|(_, shape)| shape.entries);
        found.ok_or_else(|| format!("`{name}` is missing"))
    };
    let slots = entries(maps::MAP_SLOTS)?;
    if !(1..=MOST_FLOWS).contains(&slots) {
        return Err(format!(
            "`{}` is a map of another kind or size",
            maps::MAP_SLOTS
        ));
    }
    let sizes = sizes(&job.options).found(slots, entries(maps::MAP_TOTALS)?)?;
    let mut wanted =
        shared_maps(job.options.workings.object, sizes).map_err(|error| error.to_string())?;
    wanted.push((names::JOURNAL.to_owned(), journal::shape(slots)));
    wanted.push((names::REDO.to_owned(), redo::shape()));
    wanted.push((names::DEPARTED.to_owned(), departed::shape()));
    wanted.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, shape) in wanted {
        match found.maps.get(&name) {
            Some((_, there)) if *there == shape => {}
            Some(_) => return Err(format!("`{name}` is a map of another kind or size")),
            None => return Err(format!("`{name}` is missing")),
        }
    }
    Ok(sizes)
}

/// Loads new programs for the maps there are, and lets new flows be made by them.
fn take_over(
    job: &Job,
    instance: Instance,
    mut found: Found,
    sizes: Sizes,
    stale: Vec<Stale>,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let wanted = job.options.max_flows.unwrap_or(DEFAULT_FLOWS);
    if wanted != sizes.slots {
        given_up.push(said::max_flows(wanted, sizes.slots));
    }
    let path = instance.path();
    let loaded = Making::begin(job.options.workings.object, sizes, Some(&path))?.finish()?;
    let mut map = |name| found.maps.remove(name).map(|(map, _)| map);
    let notes = [names::JOURNAL, names::REDO, names::DEPARTED].map(&mut map);
    let notes = Notes::open(&notes, sizes)?;
    notes.redo.finish(&notes.journal, &loaded.ledger);
    notes.departed.finish(&loaded.ledger);
    let old = map(maps::MAP_FREE);
    let programs = pin_programs(&instance, &loaded)?;
    let keeper = Keeper::new(path, found.links, found.programs);
    // Until the source is open, whatever fails leaves things as they were found.
    keeper.stay(true);
    let supply = Supply::move_some(old, &loaded.slab, &loaded.index)
        .and_then(|supply| {
            instance.replace_map(maps::MAP_FREE, loaded.index.free.as_fd())?;
            Ok(supply)
        })
        .map_err(|error| system("cannot take over the free slots", error))?;
    loaded.programs.connect()?;
    pass(Point::Connected);
    let (mut kept, departed) = kept(job, instance, keeper, notes, programs, stale);
    kept.adopted = true;
    kept.stays = true;
    kept.supply = Some(supply);
    Ok(Prepared {
        loaded,
        epoch: found.identity.epoch,
        kept: Some(kept),
        departed: Some(departed),
    })
}

/// Makes everything new, and pins it.
fn make(
    job: &Job,
    instance: Instance,
    netns: u64,
    stale: Vec<Stale>,
    given_up: &mut Vec<Degradation>,
) -> Result<Prepared, Error> {
    let sizes = sizes(&job.options);
    let identity = Identity {
        epoch: epoch()?,
        netns,
    };
    let making = Making::begin(job.options.workings.object, sizes, None)?;
    let pinned = beside(identity, sizes)
        .map_err(|error| trouble::refused("make maps for", &instance.path(), &error))
        .and_then(|[identity, journal, redo, departed]| {
            instance.make(|directory| {
                making.pin(directory)?;
                bpf_pin::pin(identity.as_fd(), &directory.join(names::IDENTITY))?;
                bpf_pin::pin(journal.as_fd(), &directory.join(names::JOURNAL))?;
                bpf_pin::pin(redo.as_fd(), &directory.join(names::REDO))?;
                bpf_pin::pin(departed.as_fd(), &directory.join(names::DEPARTED))
            })?;
            Ok([journal, redo, departed])
        });
    let loaded = making.finish()?;
    loaded.programs.connect()?;
    let notes = match pinned {
        Ok(notes) => notes,
        Err(trouble) => {
            given_up.push(stand_in::pinning(trouble));
            let _ = instance.remove_empty();
            return Ok(Prepared {
                loaded,
                epoch: identity.epoch,
                kept: None,
                departed: None,
            });
        }
    };
    let keeper = Keeper::new(instance.path(), [], Vec::new());
    let notes = Notes::open(&notes.map(Some), sizes)?;
    // From here on what was made is removed should anything fail.
    let (mut kept, departed) = kept(job, instance, keeper, notes, Vec::new(), stale);
    kept.programs = pin_programs(&kept.instance, &loaded)?;
    Ok(Prepared {
        loaded,
        epoch: identity.epoch,
        kept: Some(kept),
        departed: Some(departed),
    })
}

fn kept(
    job: &Job,
    instance: Instance,
    keeper: Keeper,
    notes: Notes,
    programs: Vec<u32>,
    stale: Vec<Stale>,
) -> (Kept, Departed) {
    let kept = Kept {
        instance,
        keeper: Rc::new(keeper),
        journal: Arc::new(notes.journal),
        redo: notes.redo,
        persist: job.options.pinning.as_ref().is_some_and(Pinning::persists),
        programs,
        stale,
        adopted: false,
        stays: false,
        supply: None,
        rest: Rest::default(),
        awaiting: VecDeque::new(),
        strays: Vec::new(),
    };
    (kept, notes.departed)
}

/// The maps that are no business of the kernel program.
fn beside(identity: Identity, sizes: Sizes) -> std::io::Result<[OwnedFd; 4]> {
    Ok([
        identity::create(identity)?,
        journal::create(sizes.slots)?,
        redo::create()?,
        departed::create()?,
    ])
}

/// What is written down while the source works.
struct Notes {
    journal: Journal,
    redo: Redo,
    departed: Departed,
}

impl Notes {
    /// Opens the maps of the journal, of what has to be done again, and of interfaces that left.
    fn open(maps: &[Option<OwnedFd>; 3], sizes: Sizes) -> Result<Self, Error> {
        let open = || {
            let [Some(journal), Some(redo), Some(departed)] = maps else {
                return Err(std::io::ErrorKind::NotFound.into());
            };
            Ok(Self {
                journal: Journal::open(journal.as_fd(), sizes.slots)?,
                redo: Redo::open(redo.as_fd())?,
                departed: Departed::open(departed.as_fd())?,
            })
        };
        open().map_err(|error| system("cannot map the journal into memory", error))
    }
}

fn pin_programs(instance: &Instance, loaded: &Loaded) -> Result<Vec<u32>, Error> {
    [
        (Direction::Ingress, &loaded.programs.ingress),
        (Direction::Egress, &loaded.programs.egress),
    ]
    .into_iter()
    .map(|(direction, program)| instance.pin_program(program.as_fd(), direction))
    .collect::<Result<_, _>>()
    .map_err(|error| system("cannot pin the programs", error))
}

fn system(message: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}
