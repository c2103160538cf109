//! The product's loader, its way to hooks and its calls of bpf(2), each by itself, to be measured beside another library's.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use mermin_bpf::{
    abi::{ledger::HookDirection, names},
    wire::tunnel::{Keyed, Ports},
};

use crate::{
    attach::{Attach, AttachOptions, Attached, Hooks, Programs, hook::directions},
    bpf::{
        constants,
        object::{self, load, shared_maps},
        size::{self, Sizes},
    },
    error::Error,
    iface::{Interface, list::links},
    sys::{
        bpf_link::{self, Position, identify, query_tcx},
        bpf_pin,
    },
};

/// The kernel program and its maps, loaded by the product.
pub struct LoadedObject(object::Loaded);

/// Facts that a loader has to be given besides the object.
#[derive(Clone, Debug)]
pub struct ObjectSettings {
    /// Maps by name, and their numbers of elements.
    pub lengths: Vec<(String, u32)>,
    /// Constants by name, and their octets.
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
        ports: Ports::default(),
    })
}

impl ObjectSettings {
    /// The settings for this many flows. Reads the object.
    ///
    /// # Errors
    /// The system's; that the object makes no sense.
    pub fn read(max_flows: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let sizes = sizes(max_flows)?;
        let shared = shared_maps(mermin_bpf::OBJECT, sizes)?.into_iter();
        let free = (names::MAP_FREE.to_owned(), max_flows);
        Ok(Self {
            lengths: shared
                .map(|(name, shape)| (name, shape.entries))
                .chain([free])
                .collect(),
            constants: constants(sizes),
        })
    }
}

impl LoadedObject {
    /// Loads it with room for this many flows.
    ///
    /// # Errors
    /// As opening a source.
    pub fn load(max_flows: u32) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self(load(mermin_bpf::OBJECT, sizes(max_flows)?)?))
    }

    /// The program for a direction.
    #[must_use]
    pub fn program(&self, direction: HookDirection) -> BorrowedFd<'_> {
        match direction {
            HookDirection::Ingress => self.0.programs.ingress.as_fd(),
            HookDirection::Egress => self.0.programs.egress.as_fd(),
        }
    }

    /// One of its maps.
    #[must_use]
    pub fn map(&self) -> BorrowedFd<'_> {
        self.0.index.v4.as_fd()
    }
}

/// The product's way to the hooks of the calling thread's network namespace.
pub struct WayToHooks {
    hooks: Hooks,
    interfaces: Vec<Interface>,
}

/// Programs at hooks, for as long as this lives.
pub struct AtHooks {
    _attached: Vec<Attached>,
}

impl WayToHooks {
    /// Of the interfaces whose names begin so.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(prefix: &str) -> Result<Self, Error> {
        let hooks = Hooks::open()?;
        let mut interfaces = links(hooks.netlink())?;
        interfaces.retain(|interface| interface.name.starts_with(prefix));
        Ok(Self { hooks, interfaces })
    }

    /// Names and indices of the interfaces.
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, u32)> {
        let interfaces = self.interfaces.iter();
        interfaces.map(|it| (it.name.as_str(), it.index))
    }

    /// Attaches to both hooks of so many interfaces.
    ///
    /// # Errors
    /// As attaching of a source.
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

/// Id and name of a program.
///
/// # Errors
/// The kernel's.
pub fn program_identity(program: BorrowedFd<'_>) -> io::Result<(u32, String)> {
    identify(program).map(|identity| (identity.id, identity.name))
}

/// Ids of the programs at a TCX hook.
///
/// # Errors
/// The kernel's.
pub fn programs_at(ifindex: u32, direction: HookDirection) -> io::Result<Vec<u32>> {
    let programs = query_tcx(ifindex, direction)?;
    Ok(programs.into_iter().map(|at| at.program).collect())
}

/// The name of the program of an id; none where it has gone or may not be read.
#[must_use]
pub fn program_name(id: u32) -> Option<String> {
    let program = bpf_link::open_program(id).ok()?;
    Some(identify(program.as_fd()).ok()?.name)
}

/// A link that holds a program at a TCX hook.
///
/// # Errors
/// The kernel's.
pub fn attach_tcx(
    program: BorrowedFd<'_>,
    ifindex: u32,
    direction: HookDirection,
) -> io::Result<OwnedFd> {
    bpf_link::attach_tcx(program, ifindex, direction, Position::First)
}

/// The id of the program that a link holds.
///
/// # Errors
/// The kernel's.
pub fn program_of(link: BorrowedFd<'_>) -> io::Result<u32> {
    bpf_link::program_of(link)
}

/// Names an object in a BPF file system.
///
/// # Errors
/// The kernel's.
pub fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    bpf_pin::pin(object, path)
}

/// Opens what has a name there.
///
/// # Errors
/// The kernel's.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    bpf_pin::get(path)
}

/// Number of elements of a map.
///
/// # Errors
/// The kernel's.
pub fn map_length(map: BorrowedFd<'_>) -> io::Result<u32> {
    bpf_pin::shape(map).map(|shape| shape.entries)
}
