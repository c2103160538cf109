//! Loads the kernel program.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use mermin_bpf::abi::{digest::Seed, free::FreeLine, globals::next, names};

use super::{
    clock,
    drop_counts::DropProgram,
    free::FreeSlots,
    image::{Blank, Code, Content, Image},
    index::{self, Index},
    loaded::{Loaded, Programs},
    memory::{InMemory, Named, into_memory, missing, system},
    openers::OpenerProgram,
    parallel::parallel_map,
    refusal::{Failure, ObjectError},
    size::Sizes,
};
use crate::{
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    probe::privilege,
    sys::{
        bpf_load::{self, Kind, LoadError, Program},
        bpf_pin::{self, Shape},
    },
};

/// Creates maps of these sizes and loads the programs of an object.
pub(crate) fn load(object: &[u8], sizes: Sizes) -> Result<Loaded, ObjectError> {
    let loaded = Making::begin(object, sizes, None)?.finish()?;
    loaded.programs.connect()?;
    Ok(loaded)
}

/// The map of free slots. Each process creates its own: the one of an earlier process may lack some.
const OWN_MAP: &str = names::MAP_FREE;

/// Returns true if the next process takes a map over. Maps of constants belong to their program.
fn is_shared(name: &str) -> bool {
    const OWN: [&str; 4] = [
        OWN_MAP,
        names::MAP_SECTIONS,
        names::MAP_SENDERS,
        names::MAP_OPENERS,
    ];
    !name.starts_with('.') && !OWN.contains(&name)
}

/// Returns the maps that a process leaves to the next, and the required shape of each for these sizes.
pub(crate) fn shared_maps(object: &[u8], sizes: Sizes) -> Result<Vec<(String, Shape)>, Error> {
    let seed = Seed::default();
    let image =
        Image::parse(object, sizes, &seed).map_err(|failure| failure.refuse(sizes).error)?;
    let maps = image.maps().into_iter();
    Ok(maps
        .filter(|map| is_shared(map.name))
        .map(|map| (map.name.to_owned(), map.shape))
        .collect())
}

/// Loaded programs with their maps.
pub(crate) struct Making {
    maps: Named,
    programs: Named,
    memory: InMemory,
    sizes: Sizes,
    seed: Seed,
}

impl Making {
    /// Creates the maps, or takes shared ones from the pins in `found`, and loads the programs. The index
    /// of maps that were found has the seed beside them.
    ///
    /// The kernel zeroes all memory of a map before it answers, and verifying a program takes about as long. Mapping
    /// the memory takes time as well.
    ///
    /// Without `CAP_PERFMON`, the verifier would refuse the programs after seconds of work.
    pub(crate) fn begin(
        object: &[u8],
        sizes: Sizes,
        found: Option<(&Path, Seed)>,
    ) -> Result<Self, ObjectError> {
        let refuse = |failure: Failure| failure.refuse(sizes);
        if privilege::is_lacking() {
            let refused = io::Error::from_raw_os_error(libc::EPERM);
            return Err(privilege::denied("load the kernel program", refused).into());
        }
        let (found, seed) = match found {
            Some((path, seed)) => (Some(path), seed),
            None => (
                None,
                index::draw_seed().map_err(|error| system("cannot draw a random number", error))?,
            ),
        };
        let image = Image::parse(object, sizes, &seed).map_err(refuse)?;
        let (made, ()) = parallel_map(image.maps(), |map| create(&map, found), || ());
        let maps = made.into_iter().collect::<Result<Named, _>>();
        let maps = maps.map_err(refuse)?;
        let codes = image.programs(&maps).map_err(refuse)?;
        let (loaded, mapped) = parallel_map(codes, load_program, || into_memory(&maps, sizes));
        let programs = loaded.into_iter().collect::<Result<Named, _>>();
        let programs = programs.map_err(refuse)?;
        Ok(Self {
            maps,
            programs,
            memory: mapped?,
            sizes,
            seed,
        })
    }

    /// Maps the maps that another process made and passed, whose shapes were compared with those for `sizes`.
    ///
    /// # Errors
    /// Also if the map of free slots, or that of sections, has another shape.
    pub(crate) fn passed(
        maps: Named,
        programs: Named,
        mut sizes: Sizes,
        seed: Seed,
    ) -> Result<Self, Error> {
        for (name, wanted) in own_shapes(sizes) {
            let map = maps.get(name).ok_or_else(|| not_passed(name))?;
            let there = bpf_pin::shape(map.as_fd())
                .map_err(|error| system(format!("cannot look at the map `{name}`"), error))?;
            if there != wanted {
                return Err(Error::new(
                    ErrorKind::InvalidOption,
                    format!("cannot use the passed map `{name}`: it is of another kind or size"),
                ));
            }
        }
        let memory = into_memory(&maps, sizes)?;
        // A process whose program the kernel refused to attach passes none.
        sizes.drops = sizes
            .drops
            .filter(|_| programs.contains_key(names::PROGRAM_DROP));
        Ok(Self {
            maps,
            programs,
            memory,
            sizes,
            seed,
        })
    }

    /// Returns the seed of the index's digests.
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// Pins the maps that the next process takes over, and the map of free slots.
    pub(crate) fn pin(&self, directory: &Path) -> io::Result<()> {
        for (name, map) in &self.maps {
            if is_shared(name) || name == OWN_MAP {
                bpf_pin::pin(map.as_fd(), &directory.join(name))?;
                fail_point(FailPoint::Making);
            }
        }
        Ok(())
    }

    /// Returns the parts.
    pub(crate) fn finish(mut self) -> Result<Loaded, Error> {
        let mut program = |name| take(&mut self.programs, name);
        let mut map = |name| take(&mut self.maps, name);
        let mut called = |place, name| Ok::<_, Error>((place, name, program(name)?));
        let handed_to = [
            called(next::TUNNEL, names::PROGRAM_TUNNEL)?,
            called(next::DEVICE, names::PROGRAM_DEVICE)?,
            called(next::GENERAL, names::PROGRAM_GENERAL)?,
            called(next::CREATE, names::PROGRAM_CREATE)?,
            called(next::TCP, names::PROGRAM_TCP)?,
        ];
        let drops = self.sizes.drops.map(|_| {
            Ok::<_, Error>(DropProgram {
                program: Arc::new(program(names::PROGRAM_DROP)?),
                counters: Arc::clone(self.memory.ledger.drops()),
            })
        });
        let drops = drops.transpose()?;
        let openers = self.sizes.openers.map(|_| {
            Ok::<_, Error>(OpenerProgram {
                program: program(names::PROGRAM_OPENER)?,
                openers: map(names::MAP_OPENERS)?,
                senders: map(names::MAP_SENDERS)?,
            })
        });
        let openers = openers.transpose()?;
        #[cfg(feature = "__lab")]
        let drop = drops.as_ref().map(|drops| Arc::clone(&drops.program));
        Ok(Loaded {
            drops,
            openers,
            sections: self.memory.sections,
            sections_lost_before: self.memory.slab.globals().read(0).sections_lost,
            programs: Programs {
                ingress: program(names::PROGRAM_INGRESS)?,
                egress: program(names::PROGRAM_EGRESS)?,
                handover: map(names::MAP_PROGRAMS)?,
                handed_to,
                #[cfg(feature = "__lab")]
                drop,
            },
            slab: self.memory.slab,
            index: Index::new(
                self.memory.buckets,
                self.sizes.index(),
                self.seed,
                self.sizes.keyed,
            ),
            free: FreeSlots::new(self.memory.free, self.sizes.free(), map(names::MAP_FREE)?),
            ledger: self.memory.ledger,
            clock: clock::Reader::new(program(names::PROGRAM_CLOCK)?, self.sizes.exact_end),
        })
    }
}

/// Returns the shapes of the maps that each process has of its own.
fn own_shapes(sizes: Sizes) -> Vec<(&'static str, Shape)> {
    let lines = sizes.free().lines(sizes.slots);
    let mut shapes = vec![(OWN_MAP, bpf_pin::array_shape(size_of::<FreeLine>(), lines))];
    if sizes.sections != 0 {
        shapes.push((
            names::MAP_SECTIONS,
            bpf_pin::ring_shape(sizes.section_ring()),
        ));
    }
    shapes
}

fn not_passed(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot use what another process passed: `{name}` is missing"),
    )
}

fn take(from: &mut Named, name: &str) -> Result<OwnedFd, Error> {
    from.remove(name).ok_or_else(|| missing(name))
}

fn create(map: &Blank<'_>, found: Option<&Path>) -> Result<(String, OwnedFd), Failure> {
    let name = map.name;
    let create = || match found {
        Some(found) if is_shared(name) => bpf_pin::get(&found.join(name)),
        _ => {
            let made = bpf_pin::create(name, map.shape)?;
            match map.content {
                Content::Zeros => {}
                Content::Variables(value) => bpf_load::fill(made.as_fd(), value)?,
                Content::Constants(value) => {
                    bpf_load::fill(made.as_fd(), value)?;
                    bpf_load::freeze(made.as_fd())?;
                }
            }
            Ok(made)
        }
    };
    let name = name.to_owned();
    match create() {
        Ok(made) => Ok((name, made)),
        Err(error) => Err(Failure::Map { name, error }),
    }
}

fn load_program(code: Code) -> Result<(String, OwnedFd), Failure> {
    let program = Program {
        kind: match code.name.as_str() {
            names::PROGRAM_DROP => Kind::RawTracepoint,
            names::PROGRAM_OPENER => Kind::CgroupSock,
            _ => Kind::SchedCls,
        },
        name: &code.name,
        license: &code.license,
        instructions: &code.instructions,
    };
    let loaded = program.load();
    let name = code.name;
    match loaded {
        Ok(loaded) => Ok((name, loaded)),
        Err(LoadError { error, log }) => Err(Failure::Program { name, error, log }),
    }
}
