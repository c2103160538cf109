//! Waiting until no program run that began before still goes on: after that, a slot that left the index is final.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use crate::sys::{bpf, membarrier};

/// How this host waits.
#[derive(Debug)]
pub(crate) enum Grace {
    /// `MEMBARRIER_CMD_GLOBAL`.
    Membarrier,
    /// Updating an array of maps, which the kernel answers only after the same grace period.
    MapInMap {
        /// The array of one map.
        outer: OwnedFd,
        /// The inner map that is put into it, over and over.
        inner: OwnedFd,
    },
    /// Not at all: what tests show to lose packets.
    #[cfg(feature = "__lab")]
    Skip,
}

impl Grace {
    /// Takes membarrier(2) where it is offered, else the map.
    pub(crate) fn new() -> io::Result<Self> {
        if membarrier::is_offered() {
            Ok(Self::Membarrier)
        } else {
            Self::by_map()
        }
    }

    /// The second way, wherever it works.
    pub(crate) fn by_map() -> io::Result<Self> {
        let inner = bpf::create_array()?;
        let outer = bpf::create_array_of_maps(inner.as_fd())?;
        Ok(Self::MapInMap { outer, inner })
    }

    /// Another of the same kind, for another thread.
    pub(crate) fn like(other: &Self) -> io::Result<Self> {
        match other {
            Self::Membarrier => Ok(Self::Membarrier),
            Self::MapInMap { .. } => Self::by_map(),
            #[cfg(feature = "__lab")]
            Self::Skip => Ok(Self::Skip),
        }
    }

    /// Waits.
    pub(crate) fn wait(&self) -> io::Result<()> {
        match self {
            Self::Membarrier => membarrier::wait(),
            Self::MapInMap { outer, inner } => bpf::set_inner_map(outer.as_fd(), inner.as_fd()),
            #[cfg(feature = "__lab")]
            Self::Skip => Ok(()),
        }
    }
}
