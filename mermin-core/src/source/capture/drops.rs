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
    probe::unavailable::Unavailable,
    report::Degradation,
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
        None => program.attach(),
        Some(directory) => attach_pinned(&mut program, directory),
    };
    let link = link.map_err(|error| given_up.push(no_drops(&error))).ok()?;
    Some(LiveDrops {
        flowless: program.into_counters(reasons),
        link,
    })
}

/// The kernel tells how many packets it kept from a program at the program alone, so that has a pin of its own beside the link's: opening it
/// by its number takes `CAP_SYS_ADMIN`.
fn attach_pinned(program: &mut DropProgram, directory: &Path) -> io::Result<OwnedFd> {
    let [link_at, program_at] = [DROP_LINK, DROP_PROGRAM].map(|name| directory.join(name));
    match bpf_pin::get(&link_at) {
        Ok(link) => {
            program.replace_by(bpf_pin::get(&program_at)?);
            Ok(link)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A process that was killed before it had pinned the link leaves its program. The order is such that no link is without one.
            gone(fs::remove_file(&program_at))?;
            bpf_pin::pin(program.program(), &program_at)?;
            let link = program.attach()?;
            bpf_pin::pin(link.as_fd(), &link_at)?;
            Ok(link)
        }
        Err(error) => Err(error),
    }
}

/// Returns true if dropped packets can be counted with these sizes, which have room for one flow: loads the program, attaches it and takes
/// it away.
pub(super) fn can_count(object: &[u8], sizes: Sizes) -> bool {
    object::load(object, sizes).is_ok_and(|loaded| {
        let program = loaded.drops.as_ref();
        program.is_none_or(|program| program.attach().is_ok())
    })
}

/// Returns why a program cannot be attached.
pub(super) fn cannot_attach(program: &DropProgram) -> Option<Unavailable> {
    program.attach().err().map(|error| unavailable(&error))
}

fn no_drops(error: &io::Error) -> Degradation {
    fallback::drops(unavailable(error))
}

pub(super) fn unavailable(error: &io::Error) -> Unavailable {
    Unavailable {
        cause: format!("the tracepoint `skb:kfree_skb` cannot be used: {error}").into(),
        remedy: "use Linux 5.18 with `CONFIG_DEBUG_INFO_BTF`, and grant CAP_PERFMON".into(),
    }
}
