//! Packets that the kernel drops: attaches the program that counts them.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use super::fallback;
use crate::{
    bpf::{
        drop_counts::{DropProgram, FlowlessDrops},
        drop_facts::{self, DropFacts, DropReasons},
        object,
        pin::{
            directory::gone,
            names::{DROP_LINK, DROP_PROGRAM},
        },
        size::Sizes,
    },
    probe::unavailable::{self, Unavailable},
    report::{Degradation, Feature},
    source::options::Options,
    sys::{bpf_pin, netns},
};

/// Counts of dropped packets while they are counted.
#[derive(Debug)]
pub(super) struct LiveDrops {
    pub(super) flowless: FlowlessDrops,
    /// The program stays at its tracepoint while this is open, or pinned.
    pub(super) link: OwnedFd,
}

/// Returns what the program needs to know of this kernel, if the options ask for the program. The calling thread is in the watched network
/// namespace.
pub(super) fn facts(
    options: &Options,
    given_up: &mut Vec<Degradation>,
) -> Option<(DropFacts, DropReasons)> {
    if !options.drops {
        return None;
    }
    read_facts()
        .map_err(|error| given_up.push(no_drops(&error)))
        .ok()
}

/// Reads what the program needs to know of this kernel, and of the calling thread's network namespace.
pub(super) fn read_facts() -> io::Result<(DropFacts, DropReasons)> {
    drop_facts::read(netns::current()?.inode)
}

/// Attaches the program. A link that an earlier process left in `directory` stays: its program counts in the same maps, and not a packet is
/// missed or counted twice.
pub(super) fn attach(
    mut program: DropProgram,
    reasons: DropReasons,
    directory: Option<&Path>,
    given_up: &mut Vec<Degradation>,
) -> Option<LiveDrops> {
    let link = match directory {
        None => program.attach().map_err(|error| unusable(&error)),
        Some(directory) => attach_pinned(&mut program, directory, given_up),
    };
    let link = link
        .map_err(|unavailable| given_up.push(fallback::drops(unavailable)))
        .ok()?;
    Some(LiveDrops {
        flowless: program.into_counters(reasons),
        link,
    })
}

/// Only the program's own descriptor gives the number of packets that the kernel kept from it. So the program has a pin of its own beside
/// the link's pin: opening it by its id would take `CAP_SYS_ADMIN`.
fn attach_pinned(
    program: &mut DropProgram,
    directory: &Path,
    given_up: &mut Vec<Degradation>,
) -> Result<OwnedFd, Unavailable> {
    let [link_at, program_at] = [DROP_LINK, DROP_PROGRAM].map(|name| directory.join(name));
    let link = bpf_pin::get(&link_at);
    let refused = match (link, bpf_pin::get(&program_at)) {
        (Ok(link), Ok(attached)) => {
            program.replace_by(attached);
            return Ok(link);
        }
        // A process that was killed before it had pinned the link leaves the program's pin alone. The program is pinned first, so no link's
        // pin is alone.
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => None,
        // The link's descriptor is closed here. Otherwise the former program would count as well as this one.
        (Err(error), _) | (Ok(_), Err(error)) => Some(error),
    };
    let refuse = |path, error: io::Error| unavailable::refused("replace the pin", path, &error);
    for path in [&link_at, &program_at] {
        gone(fs::remove_file(path)).map_err(|error| refuse(path, error))?;
    }
    bpf_pin::pin(program.program(), &program_at).map_err(|error| refuse(&program_at, error))?;
    let link = program.attach().map_err(|error| unusable(&error))?;
    bpf_pin::pin(link.as_fd(), &link_at).map_err(|error| refuse(&link_at, error))?;
    given_up.extend(refused.map(|error| replaced(directory, &error)));
    Ok(link)
}

/// The pins of an earlier process's program cannot be opened.
fn replaced(directory: &Path, error: &io::Error) -> Degradation {
    let pins = format!(
        "the pins `{DROP_LINK}` and `{DROP_PROGRAM}` in `{}` cannot be opened: {error}",
        directory.display()
    );
    Degradation::new(
        Feature::Drops,
        pins,
        "another program counts dropped packets from now on",
        "packets that the kernel dropped in between are not counted",
        "leave the pins in that directory to Mermin",
    )
}

/// Returns true if dropped packets can be counted with these sizes, which have room for one flow: loads the program, attaches it and
/// detaches it.
pub(super) fn can_count(object: &[u8], sizes: Sizes) -> bool {
    object::load(object, sizes).is_ok_and(|loaded| {
        let program = loaded.drops.as_ref();
        program.is_none_or(|program| program.attach().is_ok())
    })
}

/// Returns why a program cannot be attached.
pub(super) fn cannot_attach(program: &DropProgram) -> Option<Unavailable> {
    program.attach().err().map(|error| unusable(&error))
}

fn no_drops(error: &io::Error) -> Degradation {
    fallback::drops(unusable(error))
}

pub(super) fn unusable(error: &io::Error) -> Unavailable {
    Unavailable {
        cause: format!("the tracepoint `skb:kfree_skb` cannot be used: {error}").into(),
        remedy: "use Linux 5.18 with `CONFIG_DEBUG_INFO_BTF`, and grant CAP_PERFMON".into(),
    }
}
