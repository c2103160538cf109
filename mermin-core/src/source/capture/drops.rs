//! Packets that the kernel drops: attaches the program that counts them.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use super::fallback;
use crate::{
    bpf::{
        drop_counts::{DropProgram, FlowlessDrops},
        drop_facts::{self, DropFacts, DropReasons},
        pin::names::DROP_LINK,
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
    let found = netns::current().and_then(|watched| drop_facts::read(watched.inode));
    found.map_err(|error| given_up.push(no_drops(&error))).ok()
}

/// Attaches the program. A link that an earlier process left in `directory` stays: its program counts in the same maps, and not a packet is
/// missed or counted twice.
pub(super) fn attach(
    program: DropProgram,
    reasons: DropReasons,
    directory: Option<&Path>,
    given_up: &mut Vec<Degradation>,
) -> Option<LiveDrops> {
    let link = match directory.map(|directory| directory.join(DROP_LINK)) {
        None => program.attach(),
        Some(path) => bpf_pin::get(&path).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            let link = program.attach()?;
            bpf_pin::pin(link.as_fd(), &path)?;
            Ok(link)
        }),
    };
    let link = link.map_err(|error| given_up.push(no_drops(&error))).ok()?;
    Some(LiveDrops {
        flowless: program.into_counters(reasons),
        link,
    })
}

fn no_drops(error: &io::Error) -> Degradation {
    fallback::drops(Unavailable {
        cause: format!("the tracepoint `skb:kfree_skb` cannot be used: {error}").into(),
        remedy: "use Linux 5.18 with `CONFIG_DEBUG_INFO_BTF`, and grant CAP_PERFMON".into(),
    })
}
