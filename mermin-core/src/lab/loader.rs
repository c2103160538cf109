//! The crate's loader, its attaching and its calls of bpf(2), each separate for comparison with another library.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use mermin_bpf::{
    abi::{digest::Seed, index::SLOTS_A_BUCKET, ledger::HookDirection, names},
    wire::tunnel::{Keyed, Ports},
};

use crate::{
    attach::{Attach, AttachOptions, Attached, Hooks, Programs, hook::directions},
    bpf::{
        constants, loaded,
        object::{load, shared_maps},
        size::{self, Sizes},
    },
    error::Error,
    iface::{Interface, list::links},
    sys::{
        bpf_link::{self, Position, identify, query_tcx},
        bpf_pin,
    },
};

/// The kernel program and its maps, loaded by this crate.
pub struct LoadedObject(loaded::Loaded);

/// Settings that a loader needs besides the object.
#[derive(Clone, Debug)]
pub struct ObjectSettings {
    /// Number of elements of maps, by name.
    pub lengths: Vec<(String, u32)>,
    /// Octets of constants, by name.
    pub constants: Vec<(&'static str, Vec<u8>)>,
}

fn sizes(max_flows: u32) -> io::Result<Sizes> {
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    Ok(Sizes {
        slots: max_flows,
        cpus: size::cpus(&possible).ok_or(io::ErrorKind::InvalidData)?,
        decapsulate: true,
        keyed: Keyed::Way,
        exact_end: false,
        tcp_analysis: false,
        tcp_sockets: false,
        drops: None,
        openers: None,
        sampled: false,
        sampling_seed: None,
        sections: 0,
        ports: Ports::default(),
        slots_a_bucket: SLOTS_A_BUCKET,
    })
}

impl ObjectSettings {
    /// Reads the settings for this many flows. It parses the object.
    ///
    /// # Errors
    /// The error of the system call, or a message that the object is invalid.
    pub fn read(max_flows: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let sizes = sizes(max_flows)?;
        let shared = shared_maps(mermin_bpf::OBJECT, sizes)?.into_iter();
        let free = (names::MAP_FREE.to_owned(), sizes.free().lines(max_flows));
        Ok(Self {
            lengths: shared
                .map(|(name, shape)| (name, shape.entries))
                .chain([free])
                .collect(),
            constants: constants(sizes, &Seed::default()),
        })
    }
}

impl LoadedObject {
    /// Loads it with room for this many flows.
    ///
    /// # Errors
    /// Those of opening a source.
    pub fn load(max_flows: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let loaded = load(mermin_bpf::OBJECT, sizes(max_flows)?);
        Ok(Self(loaded.map_err(Error::from)?))
    }

    /// Returns the program for a direction.
    #[must_use]
    pub fn program(&self, direction: HookDirection) -> BorrowedFd<'_> {
        match direction {
            HookDirection::Ingress => self.0.programs.ingress.as_fd(),
            HookDirection::Egress => self.0.programs.egress.as_fd(),
        }
    }

    /// Returns one of its maps.
    #[must_use]
    pub fn map(&self) -> BorrowedFd<'_> {
        self.0.free.map()
    }
}

/// Attaches to the hooks of the calling thread's network namespace.
pub struct WayToHooks {
    hooks: Hooks,
    interfaces: Vec<Interface>,
}

/// Attached programs, detached on drop.
pub struct AtHooks {
    _attached: Vec<Attached>,
}

impl WayToHooks {
    /// Opens the hooks of the interfaces whose names have this prefix.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn open(prefix: &str) -> Result<Self, Error> {
        let hooks = Hooks::open()?;
        let mut interfaces = links(hooks.netlink())?;
        interfaces.retain(|interface| interface.name.starts_with(prefix));
        Ok(Self { hooks, interfaces })
    }

    /// Returns names and indexes of the interfaces.
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, u32)> {
        let interfaces = self.interfaces.iter();
        interfaces.map(|it| (it.name.as_str(), it.index))
    }

    /// Attaches to both hooks of this many interfaces.
    ///
    /// # Errors
    /// Those of attaching in a source.
    pub fn attach(
        &self,
        object: &LoadedObject,
        mode: Attach,
        count: usize,
    ) -> Result<AtHooks, Error> {
        let options = AttachOptions {
            mode,
            ..AttachOptions::default()
        };
        let programs = Programs {
            ingress: object.program(HookDirection::Ingress),
            egress: object.program(HookDirection::Egress),
        };
        let hooks = self.interfaces.iter().take(count).flat_map(|interface| {
            let directions = directions(interface).iter();
            directions.map(move |direction| (interface, *direction))
        });
        let attached = hooks
            .map(|(interface, direction)| {
                self.hooks.attach(&options, programs, interface, direction)
            })
            .collect::<Result<_, _>>()?;
        Ok(AtHooks {
            _attached: attached,
        })
    }
}

/// Returns id and name of a program.
///
/// # Errors
/// The error of the system call.
pub fn program_identity(program: BorrowedFd<'_>) -> io::Result<(u32, String)> {
    identify(program).map(|identity| (identity.id, identity.name))
}

/// Returns the ids of the programs at a TCX hook.
///
/// # Errors
/// The error of the system call.
pub fn programs_at(ifindex: u32, direction: HookDirection) -> io::Result<Vec<u32>> {
    let programs = query_tcx(ifindex, direction)?;
    Ok(programs.into_iter().map(|at| at.program).collect())
}

/// Returns the name of the program with an id. `None` if it no longer exists, or if reading it is not permitted.
#[must_use]
pub fn program_name(id: u32) -> Option<String> {
    let program = bpf_link::open_program(id).ok()?;
    Some(identify(program.as_fd()).ok()?.name)
}

/// Creates a link that attaches a program to a TCX hook.
///
/// # Errors
/// The error of the system call.
pub fn attach_tcx(
    program: BorrowedFd<'_>,
    ifindex: u32,
    direction: HookDirection,
) -> io::Result<OwnedFd> {
    bpf_link::attach_tcx(program, ifindex, direction, Position::First)
}

/// Returns the id of the program of a link.
///
/// # Errors
/// The error of the system call.
pub fn program_of(link: BorrowedFd<'_>) -> io::Result<u32> {
    bpf_link::program_of(link)
}

/// Pins an object in a BPF file system.
///
/// # Errors
/// The error of the system call.
pub fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    bpf_pin::pin(object, path)
}

/// Opens a pinned object.
///
/// # Errors
/// The error of the system call.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    bpf_pin::get(path)
}

/// Returns the number of elements of a map.
///
/// # Errors
/// The error of the system call.
pub fn map_length(map: BorrowedFd<'_>) -> io::Result<u32> {
    bpf_pin::shape(map).map(|shape| shape.entries)
}
