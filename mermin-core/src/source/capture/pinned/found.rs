//! The pins of an earlier process: found, compared with what this build would create, or moved aside.

use mermin_bpf::abi::names as maps;

use super::degradations;
use crate::{
    bpf::{
        object::shared_maps,
        pin::{
            instance::{Instance, PinnedState, Stale},
            interfaces, journal, names, redo, retired,
        },
        size::Sizes,
    },
    error::{Error, ErrorKind},
    probe::unavailable::{self, Unavailable},
    report::Degradation,
    source::{
        capture::{arguments::CaptureArguments, drops, host},
        flow_key::FlowKey,
        options::MOST_FLOWS,
    },
    sys::netns_cookie,
};

/// Pins that were found.
pub(super) struct Look {
    pub(super) found: Option<(PinnedState, Sizes)>,
    pub(super) stale: Vec<Stale>,
}

/// Reads the pins of earlier processes, and moves aside those that cannot be taken over.
pub(super) fn look(
    arguments: &CaptureArguments,
    wanted: Sizes,
    instance: &Instance,
    netns: u64,
    given_up: &mut Vec<Degradation>,
) -> Result<Look, Unavailable> {
    let path = instance.path();
    let refused = |error| unavailable::refused("read the pins in", &path, &error);
    let usable = instance
        .find()
        .map_err(refused)?
        .map(|found| found.and_then(|found| Ok((fit(arguments, wanted, &found, netns)?, found))));
    let found = match usable {
        Some(Ok((sizes, found))) => {
            if !found.foreign.is_empty() {
                given_up.push(degradations::foreign(&found.foreign, &path));
            }
            Some((found, sizes))
        }
        Some(Err(why)) => {
            instance.set_aside().map_err(refused)?;
            given_up.push(degradations::unusable(&why));
            None
        }
        None => None,
    };
    for name in instance.other_layouts().map_err(refused)? {
        given_up.push(degradations::other_layout(&name));
    }
    Ok(Look {
        found,
        stale: instance.stale().map_err(refused)?,
    })
}

/// Returns the sizes of the pinned maps, if each map is as this build would create it.
pub(super) fn fit(
    arguments: &CaptureArguments,
    wanted: Sizes,
    found: &PinnedState,
    netns: u64,
) -> Result<Sizes, String> {
    if found.identity.netns != netns {
        return Err("its interfaces are in another network namespace".to_owned());
    }
    if found.identity.keyed != keyed(arguments) {
        return Err("its flows have keys of another `flow_key`".to_owned());
    }
    // `last_seen` of a lane is in ticks without `exact_end`, and in nanoseconds with it.
    if found.identity.exact_end != u64::from(arguments.options.exact_end) {
        return Err("its packets' times are of another clock (`exact_end`)".to_owned());
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
    let mut sizes = wanted.found(slots, entries(maps::MAP_TOTALS)?)?;
    let analyses = entries(maps::MAP_TCP_ANALYSIS)?;
    if sizes.tcp_analysis && analyses == 1 && found.identity.unanalysed != 0 {
        // The kernel had refused it when the maps were made, and is the same kernel.
        sizes.tcp_analysis = false;
    }
    if analyses != sizes.tcp_analyses() {
        return Err("its analysis of TCP is on or off (`tcp_analysis`)".to_owned());
    }
    let pairs = entries(maps::MAP_TCP_SOCKETS)?;
    if sizes.tcp_sockets && pairs == 1 && found.identity.no_sockets != 0 {
        sizes.tcp_sockets = false;
    }
    if pairs != sizes.socket_pairs() {
        return Err("its values of TCP sockets are on or off (`tcp_sockets`)".to_owned());
    }
    let counts = entries(maps::MAP_DROPS)?;
    if counts == 1 && found.identity.uncounted_drops != 0 && still_refuses_drops(arguments, sizes) {
        sizes.drops = None;
    }
    if counts != sizes.drop_counts() {
        return Err("its counts of dropped packets are on or off (`drops`)".to_owned());
    }
    let mut wanted = shared_maps(arguments.options.test_hooks.object, sizes)
        .map_err(|error| error.to_string())?;
    wanted.push((names::JOURNAL.to_owned(), journal::shape(slots)));
    let analyses = sizes.tcp_analyses();
    wanted.push((names::TCP_JOURNAL.to_owned(), journal::tcp_shape(analyses)));
    wanted.push((names::DROP_JOURNAL.to_owned(), journal::drop_shape(counts)));
    wanted.push((names::REDO.to_owned(), redo::shape()));
    wanted.push((names::DEPARTED.to_owned(), retired::shape()));
    wanted.push((names::INTERFACES.to_owned(), interfaces::shape()));
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

/// Returns the number of the calling thread's network namespace.
pub(super) fn netns() -> Result<u64, Error> {
    netns_cookie::current().map_err(|error| {
        Error::new(ErrorKind::System, "cannot compare network namespaces").with_source(error)
    })
}

/// Returns the flow key options as the instance's identity stores them.
pub(super) fn keyed(arguments: &CaptureArguments) -> u64 {
    u64::from(arguments.options.flow_key == FlowKey::Endpoints)
}

/// Returns true if dropped packets still cannot be counted, because the memory or the capability is still missing. The process may have
/// got either since the maps were made.
fn still_refuses_drops(arguments: &CaptureArguments, sizes: Sizes) -> bool {
    let trial = Sizes {
        slots: 1,
        tcp_analysis: false,
        tcp_sockets: false,
        sections: 0,
        openers: None,
        ..sizes
    };
    sizes.drops.is_some()
        && (host::room(sizes, true).is_err()
            || !drops::can_count(arguments.options.test_hooks.object, trial))
}
