//! Descriptors that another process passed, by their roles.

use std::{
    collections::{BTreeSet, HashMap},
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::{ledger::HookDirection, names as maps};

use crate::{
    bpf::memory::Named,
    error::Error,
    source::handover::header::{Role, invalid},
    sys::bpf_link,
};

/// Links by hook.
type Links = HashMap<(u32, HookDirection), OwnedFd>;

/// Descriptors by kind.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) lock: Option<OwnedFd>,
    pub(super) maps: Named,
    pub(super) programs: Named,
    pub(super) links: Links,
    pub(super) drop_link: Option<OwnedFd>,
    pub(super) former_free: Option<OwnedFd>,
}

pub(super) fn sort(descriptors: Vec<(Role, OwnedFd)>) -> Sorted {
    let mut sorted = Sorted::default();
    for (role, descriptor) in descriptors {
        match role {
            Role::Lock => sorted.lock = Some(descriptor),
            Role::Map(name) => _ = sorted.maps.insert(name, descriptor),
            Role::Program(name) => _ = sorted.programs.insert(name, descriptor),
            Role::Link(index, direction) => {
                sorted.links.insert((index, direction), descriptor);
            }
            Role::DropLink => sorted.drop_link = Some(descriptor),
            Role::FormerFree => sorted.former_free = Some(descriptor),
        }
    }
    sorted
}

/// Checks that programs have their names, that each link holds one of them at the hook in its role, and that the program that
/// counts dropped packets comes with its link. Returns the indexes of the interfaces that are still there.
pub(super) fn identify(
    programs: &Named,
    links: &Links,
    drop_link: Option<&OwnedFd>,
) -> Result<BTreeSet<u32>, Error> {
    let mut ids = HashMap::new();
    for (name, program) in programs {
        let there = bpf_link::identify(program.as_fd())
            .map_err(|error| unreadable("program", name).with_source(error))?;
        if !bpf_link::is_named(program.as_fd(), name).unwrap_or(false) {
            return Err(invalid(format!("`{name}` is another program")));
        }
        ids.insert(name.as_str(), there.id);
    }
    let held = drop_link
        .map(|link| bpf_link::program_of(link.as_fd()))
        .transpose()
        .map_err(|error| unreadable("link", maps::PROGRAM_DROP).with_source(error))?;
    if held.as_ref() != ids.get(maps::PROGRAM_DROP) {
        return Err(invalid(
            "the link of dropped packets does not hold the passed program",
        ));
    }
    let mut attached = BTreeSet::new();
    for ((index, direction), link) in links {
        let name = match direction {
            HookDirection::Ingress => maps::PROGRAM_INGRESS,
            HookDirection::Egress => maps::PROGRAM_EGRESS,
        };
        let there = bpf_link::tcx(link.as_fd())
            .map_err(|error| unreadable("link", &index.to_string()).with_source(error))?;
        match there.filter(|(_, program)| ids.get(name) == Some(program)) {
            Some((at, _)) if at == *index => _ = attached.insert(at),
            // The interface was deleted.
            Some((0, _)) => {}
            _ => {
                let why = format!("the link of interface {index} is another one");
                return Err(invalid(why));
            }
        }
    }
    Ok(attached)
}

pub(super) fn unreadable(kind: &str, name: &str) -> Error {
    invalid(format!("the descriptor of the {kind} `{name}` is not one"))
}
