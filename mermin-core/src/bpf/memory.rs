//! The maps that both sides share, in this process's memory.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::{free::FreeLine, index::Bucket, names};

use super::{
    drop_counts::DropCounts,
    ledger::Ledger,
    refusal::{Failure, ObjectError},
    sections::Sections,
    size::{HOOK_PLACES, Sizes},
    slab::{OptionalArrays, Slab},
    tcp_analyses::TcpAnalyses,
    tcp_sockets::TcpSockets,
};
use crate::{
    error::{Error, ErrorKind},
    sys::mapping::Mapping,
};

/// Descriptors by name.
pub(crate) type Named = HashMap<String, OwnedFd>;

/// Maps, mapped.
pub(super) struct InMemory {
    pub(super) slab: Slab,
    pub(super) ledger: Ledger,
    pub(super) buckets: Mapping<Bucket>,
    pub(super) free: Mapping<FreeLine>,
    pub(super) sections: Option<Sections>,
}

/// Maps the memory that both sides share.
pub(super) fn into_memory(maps: &Named, sizes: Sizes) -> Result<InMemory, ObjectError> {
    let analyses = values(maps, names::MAP_TCP_ANALYSIS, sizes.tcp_analyses())?;
    let analyses = sizes.tcp_analysis.then(|| TcpAnalyses::new(analyses));
    let sockets = values(maps, names::MAP_TCP_SOCKETS, sizes.socket_pairs())?;
    let sockets = sizes.tcp_sockets.then(|| TcpSockets::new(sockets));
    let drops = values(maps, names::MAP_DROPS, sizes.drop_counts())?;
    let drops = sizes.drops.map(|_| DropCounts::new(drops));
    let slab = Slab::new(
        values(maps, names::MAP_SLOTS, sizes.slots)?,
        values(maps, names::MAP_FRESH, sizes.fresh())?,
        values(maps, names::MAP_GLOBALS, 1)?,
        values(maps, names::MAP_TUNNELS, sizes.tunnels())?,
        OptionalArrays {
            analyses,
            sockets,
            drops,
        },
        sizes.sampled,
    );
    let counts = Sizes::ledgers(sizes.cpus);
    let ledger = Ledger::new(
        values(maps, names::MAP_HOOKS, HOOK_PLACES + 1)?,
        values(maps, names::MAP_TOTALS, counts.totals)?,
        values(maps, names::MAP_REASONS, counts.reasons)?,
        values(maps, names::MAP_DROP_COUNTERS, 1)?,
        sizes.cpus,
    );
    Ok(InMemory {
        slab,
        ledger,
        buckets: values(maps, names::MAP_INDEX, sizes.index().buckets())?,
        free: values(maps, names::MAP_FREE, sizes.free().lines(sizes.slots))?,
        sections: sections(maps, sizes)?,
    })
}

fn sections(maps: &Named, sizes: Sizes) -> Result<Option<Sections>, ObjectError> {
    if sizes.sections == 0 {
        return Ok(None);
    }
    let name = names::MAP_SECTIONS;
    let map = maps.get(name).ok_or_else(|| missing(name))?;
    let map = map.try_clone();
    let sections = map.and_then(|map| Sections::new(map, sizes.section_ring()));
    sections.map(Some).map_err(|error| {
        let name = name.to_owned();
        Failure::Map { name, error }.refuse(sizes)
    })
}

fn values<T: Copy>(maps: &Named, name: &str, length: u32) -> Result<Mapping<T>, Error> {
    let map = maps.get(name).ok_or_else(|| missing(name))?;
    Mapping::new(map.as_fd(), length as usize)
        .map_err(|error| system(format!("cannot map `{name}` into memory"), error))
}

pub(super) fn missing(name: &str) -> Error {
    Error::new(
        ErrorKind::System,
        format!("cannot find `{name}` in the kernel program"),
    )
    .with_remedy("rebuild it with `cargo xtask bpf`")
}

pub(super) fn system(
    message: impl Into<std::borrow::Cow<'static, str>>,
    error: io::Error,
) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}
