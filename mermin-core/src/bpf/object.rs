//! Loading the kernel program.

use std::{
    error::Error as StdError,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    thread,
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Map, MapError},
    pin::PinError,
    programs::{ProgramError, SchedClassifier},
};
use mermin_bpf::abi::{globals::next, names, slot::Slot};

use super::{
    clock,
    index::Index,
    ledger::Ledger,
    size::{HOOK_PLACES, Sizes},
    slab::Slab,
};
use crate::{
    error::{Error, ErrorKind},
    points::{Point, pass},
    probe::privilege,
    sys::{
        bpf,
        bpf_pin::{self, Shape},
        mapping::Mapping,
    },
    words::Counted,
};

/// The programs that are attached.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) ingress: OwnedFd,
    pub(crate) egress: OwnedFd,
    /// What the two call next; it empties itself when its last descriptor is closed.
    handover: OwnedFd,
    /// What is put there.
    pub(crate) handed_to: [(u32, OwnedFd); 3],
}

impl Programs {
    /// Lets the programs hand over to those loaded with them. In maps that were taken over, the programs at the hooks do so
    /// from now on as well.
    pub(crate) fn connect(&self) -> Result<(), Error> {
        for (place, program) in &self.handed_to {
            bpf::set_program(self.handover.as_fd(), *place, program.as_fd())
                .map_err(|error| system("cannot connect the programs", error))?;
        }
        Ok(())
    }
}

/// Everything of one load. Dropping it frees the kernel's memory once no hook holds a program.
pub(crate) struct Loaded {
    pub(crate) programs: Programs,
    pub(crate) slab: Slab,
    pub(crate) index: Index,
    pub(crate) ledger: Ledger,
    pub(crate) clock: clock::Reader,
}

/// Creates maps of these sizes and loads the programs of an object.
pub(crate) fn load(object: &[u8], sizes: Sizes) -> Result<Loaded, Error> {
    let loaded = Making::begin(object, sizes, None)?.finish()?;
    loaded.programs.connect()?;
    Ok(loaded)
}

/// Each process makes it for itself, whatever was left by another: the stack of free slots may lack some.
const OWN_MAP: &str = names::MAP_FREE;

/// Whether the next process takes a map over. Maps of constants belong to their program.
fn is_shared(name: &str) -> bool {
    !name.starts_with('.') && name != OWN_MAP
}

/// The maps that make up what a process leaves to the next, and the shape each must have for these sizes.
pub(crate) fn shared_maps(object: &[u8], sizes: Sizes) -> Result<Vec<(String, Shape)>, Error> {
    let parsed = aya_obj::Object::parse(object)
        .map_err(|error| explain(EbpfError::ParseError(error), sizes))?;
    let lengths = lengths(sizes);
    let maps = parsed.maps.iter().filter(|(name, _)| is_shared(name));
    Ok(maps
        .map(|(name, map)| {
            let length = lengths.iter().find(|(known, _)| known == name);
            let shape = Shape {
                kind: map.map_type(),
                key_size: map.key_size(),
                value_size: map.value_size(),
                entries: length.map_or(map.max_entries(), |(_, length)| *length),
                flags: map.map_flags(),
            };
            (name.clone(), shape)
        })
        .collect())
}

/// Loaded, and its maps not yet taken out.
pub(crate) struct Making {
    ebpf: Ebpf,
    sizes: Sizes,
}

impl Making {
    /// Creates the maps, or takes shared ones from the pins in `found`, and loads the programs.
    pub(crate) fn begin(object: &[u8], sizes: Sizes, found: Option<&Path>) -> Result<Self, Error> {
        let mut ebpf = create(object, sizes, found).map_err(|error| explain(error, sizes))?;
        load_programs(&mut ebpf).map_err(|error| explain(error.into(), sizes))?;
        Ok(Self { ebpf, sizes })
    }

    /// Pins the maps that the next process takes over, and the stack for what is in it.
    pub(crate) fn pin(&self, directory: &Path) -> io::Result<()> {
        for (name, map) in self.ebpf.maps() {
            if is_shared(name) || name == OWN_MAP {
                map.pin(directory.join(name)).map_err(|error| match error {
                    PinError::SyscallError(error) => error.io_error,
                    other => io::Error::other(other),
                })?;
                pass(Point::Making);
            }
        }
        Ok(())
    }

    /// Takes everything out.
    pub(crate) fn finish(self) -> Result<Loaded, Error> {
        let Self { mut ebpf, sizes } = self;
        take_out(&mut ebpf, sizes)
    }
}

fn take_out(ebpf: &mut Ebpf, sizes: Sizes) -> Result<Loaded, Error> {
    let program = |name: &str| program_fd(ebpf, name, sizes);
    let ingress = program(names::PROGRAM_INGRESS)?;
    let egress = program(names::PROGRAM_EGRESS)?;
    let clock = clock::Reader::new(program(names::PROGRAM_CLOCK)?);
    let handed_to = [
        (next::TUNNEL, program(names::PROGRAM_TUNNEL)?),
        (next::GENERAL, program(names::PROGRAM_GENERAL)?),
        (next::CREATE, program(names::PROGRAM_CREATE)?),
    ];
    let programs = Programs {
        ingress,
        egress,
        handover: map_fd(ebpf, names::MAP_PROGRAMS)?,
        handed_to,
    };
    let slots = map_values(ebpf, names::MAP_SLOTS, sizes.slots)?;
    let fresh = map_values(ebpf, names::MAP_FRESH, sizes.fresh())?;
    let globals = map_values(ebpf, names::MAP_GLOBALS, 1)?;
    let tunnels = map_values(ebpf, names::MAP_TUNNELS, sizes.tunnels())?;
    let index = Index {
        v4: map_fd(ebpf, names::MAP_INDEX_V4)?,
        v6: map_fd(ebpf, names::MAP_INDEX_V6)?,
        free: map_fd(ebpf, names::MAP_FREE)?,
    };
    let counts = Sizes::ledgers(sizes.cpus);
    let ledger = Ledger::new(
        map_values(ebpf, names::MAP_HOOKS, HOOK_PLACES + 1)?,
        map_values(ebpf, names::MAP_TOTALS, counts.totals)?,
        map_values(ebpf, names::MAP_REASONS, counts.reasons)?,
        sizes.cpus,
    );
    Ok(Loaded {
        programs,
        slab: Slab::new(slots, fresh, globals, tunnels),
        index,
        ledger,
        clock,
    })
}

/// Elements of the maps that do not have what the object says.
fn lengths(sizes: Sizes) -> [(&'static str, u32); 11] {
    let counts = Sizes::ledgers(sizes.cpus);
    [
        (names::MAP_INDEX_V4, sizes.slots),
        (names::MAP_INDEX_V6, sizes.slots),
        (names::MAP_HINTS, sizes.hints()),
        (names::MAP_SLOTS, sizes.slots),
        (names::MAP_FREE, sizes.slots),
        (names::MAP_FRESH, sizes.fresh()),
        (names::MAP_TUNNELS, sizes.tunnels()),
        (names::MAP_FRAGMENTS, sizes.fragments()),
        (names::MAP_HOOKS, HOOK_PLACES + 1),
        (names::MAP_TOTALS, counts.totals),
        (names::MAP_REASONS, counts.reasons),
    ]
}

fn create(object: &[u8], sizes: Sizes, found: Option<&Path>) -> Result<Ebpf, EbpfError> {
    let mask = HOOK_PLACES - 1;
    let hint_mask = sizes.hints() - 1;
    let decapsulate = u32::from(sizes.decapsulate);
    let ports = sizes.ports.words();
    let mut loader = EbpfLoader::new();
    for (name, length) in lengths(sizes) {
        let is_beside = found.is_none() && name == names::MAP_SLOTS;
        loader.map_max_entries(name, if is_beside { 1 } else { length });
    }
    let shared = match found {
        Some(_) => aya_obj::Object::parse(object)?.maps.into_keys().collect(),
        None => Vec::new(),
    };
    if let Some(found) = found {
        for name in shared.iter().filter(|name| is_shared(name)) {
            loader.map_pin_path(name, found.join(name));
        }
    }
    loader
        // The program needs no BTF. That of the kernel has been parsed by now all the same, which takes some 40 ms.
        .btf(None)
        .override_global(names::CONST_SLOTS, &sizes.slots, true)
        .override_global(names::CONST_HINT_MASK, &hint_mask, true)
        .override_global(names::CONST_CPUS, &sizes.cpus, true)
        .override_global(names::CONST_HOOK_MASK, &mask, true)
        .override_global(names::CONST_DECAPSULATE, &decapsulate, true)
        .override_global(names::CONST_TUNNEL_PORTS, &ports[..], true);
    match found {
        Some(_) => loader.load(object),
        None => with_slots_beside(sizes.slots, || loader.load(object)),
    }
}

/// Makes the slots beside all other maps, and puts them where the loader has an array of one slot.
///
/// The loader makes one map after the other, and the kernel gives each its memory, all zeroed, before it answers. Of that
/// memory the slots are more than half. Programs name maps by the numbers of their descriptors, so that is what has to stay.
fn with_slots_beside(
    slots: u32,
    load: impl FnOnce() -> Result<Ebpf, EbpfError>,
) -> Result<Ebpf, EbpfError> {
    let name = names::MAP_SLOTS;
    let refused = |io_error| {
        EbpfError::MapError(MapError::CreateError {
            name: name.to_owned(),
            io_error,
        })
    };
    let shape = bpf_pin::array_shape(size_of::<Slot>(), slots);
    let (loaded, made) = thread::scope(|scope| {
        let making = scope.spawn(|| bpf_pin::create(name, shape));
        let loaded = load();
        let made = making
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (loaded, made)
    });
    let (ebpf, made) = (loaded?, made.map_err(refused)?);
    if let Some(Map::Array(place)) = ebpf.map(name) {
        bpf::supplant(place.fd().as_fd(), made.as_fd()).map_err(refused)?;
    }
    Ok(ebpf)
}

/// Loads all programs at once: the verifier is half of what opening takes, and another CPU may be idle.
fn load_programs(ebpf: &mut Ebpf) -> Result<(), ProgramError> {
    thread::scope(|scope| {
        let loading: Vec<_> = ebpf
            .programs_mut()
            .map(|(_, program)| {
                scope.spawn(move || {
                    let program: &mut SchedClassifier = program.try_into()?;
                    program.load()
                })
            })
            .collect();
        loading.into_iter().try_for_each(|loaded| {
            loaded
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn program_fd(ebpf: &Ebpf, name: &str, sizes: Sizes) -> Result<OwnedFd, Error> {
    let program: &SchedClassifier = ebpf
        .program(name)
        .ok_or_else(|| missing(name))?
        .try_into()
        .map_err(|error: ProgramError| explain(error.into(), sizes))?;
    program
        .fd()
        .and_then(|fd| Ok(fd.as_fd().try_clone_to_owned()?))
        .map_err(|error| explain(error.into(), sizes))
}

fn missing(name: &str) -> Error {
    Error::new(
        ErrorKind::System,
        format!("cannot find `{name}` in the kernel program"),
    )
    .with_remedy("rebuild it with `cargo xtask bpf`")
}

fn map_fd(ebpf: &mut Ebpf, name: &str) -> Result<OwnedFd, Error> {
    let map = ebpf.take_map(name).ok_or_else(|| missing(name))?;
    let (Map::Array(data) | Map::HashMap(data) | Map::ProgramArray(data) | Map::Stack(data)) = &map
    else {
        return Err(missing(name));
    };
    data.fd()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| system("cannot keep a map's descriptor", error))
}

fn map_values<T: Copy>(ebpf: &mut Ebpf, name: &str, length: u32) -> Result<Mapping<T>, Error> {
    let fd = map_fd(ebpf, name)?;
    Mapping::new(fd.as_fd(), length as usize)
        .map_err(|error| system(format!("cannot map `{name}` into memory"), error))
}

fn system(message: impl Into<std::borrow::Cow<'static, str>>, error: io::Error) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}

/// The end of a verifier's log, without the statistics behind it.
fn verdict(log: &str) -> Option<String> {
    const STATISTICS: [&str; 3] = ["verification time", "stack depth", "processed "];
    let mut last: Vec<&str> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start)))
        .rev()
        .take(3)
        .collect();
    last.reverse();
    (!last.is_empty()).then(|| last.join("; "))
}

/// Tells a missing privilege, a refused program and want of memory apart.
fn explain(error: EbpfError, sizes: Sizes) -> Error {
    if let EbpfError::ProgramError(ProgramError::LoadError { verifier_log, .. }) = &error
        && let Some(verdict) = verdict(&verifier_log.to_string())
    {
        // The verifier is stricter with a process that lacks CAP_PERFMON, and refuses what it else would take.
        if privilege::is_lacking() {
            return privilege::denied("load the kernel program", error);
        }
        return Error::new(
            ErrorKind::Verifier,
            format!("cannot load the kernel program: the verifier says `{verdict}`"),
        )
        .with_remedy("report it with the output of `uname -r`")
        .with_source(error);
    }
    match system_error(&error) {
        Some(libc::EPERM | libc::EACCES) => privilege::denied("load the kernel program", error),
        Some(libc::ENOMEM | libc::E2BIG) => Error::new(
            ErrorKind::Exhausted,
            format!(
                "cannot create maps for {}",
                Counted(sizes.slots.into(), "flow")
            ),
        )
        .with_remedy("lower `max_flows`, or raise the memory limit of the control group")
        .with_source(error),
        Some(libc::EMFILE | libc::ENFILE) => Error::new(
            ErrorKind::Exhausted,
            "cannot create maps: no file descriptor is left",
        )
        .with_remedy("raise the limit: `ulimit -n 4096`")
        .with_source(error),
        _ => Error::new(ErrorKind::System, "cannot load the kernel program").with_source(error),
    }
}

/// The number of the system call's error at the end of the chain.
fn system_error(error: &EbpfError) -> Option<i32> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error();
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_the_end_of_the_log_without_statistics() {
        let log = "0: (bf) r6 = r1\n239: (79) r4 = *(u64 *)(r10 -80)\n240: (0f) r4 += r8\nR8 has pointer with \
            unsupported alu operation\nverification time 482 usec\nstack depth 80\nprocessed 44 insns (limit 1000000)\n";
        assert_eq!(
            verdict(log).as_deref(),
            Some(
                "239: (79) r4 = *(u64 *)(r10 -80); 240: (0f) r4 += r8; R8 has pointer with unsupported alu operation"
            )
        );
        assert_eq!(verdict("\nprocessed 0 insns\n"), None);
    }
}
