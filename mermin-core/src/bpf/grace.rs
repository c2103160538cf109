//! Waits until every program run that began earlier has ended. After that, a slot removed from the index is final.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use crate::sys::{bpf, membarrier};

/// The method of waiting on this host.
#[derive(Debug)]
pub(crate) enum Grace {
    /// `MEMBARRIER_CMD_GLOBAL`.
    Membarrier,
    /// Updating an array of maps. The kernel answers only after the same grace period.
    MapInMap {
        /// The array, with one map.
        outer: OwnedFd,
        /// The inner map, stored into the array again and again.
        inner: OwnedFd,
    },
    /// No waiting. Tests use it to show that packets get lost.
    #[cfg(feature = "__lab")]
    Skip,
}

impl Grace {
    /// Uses membarrier(2) if available, otherwise the map.
    pub(crate) fn new() -> io::Result<Self> {
        if membarrier::is_offered() {
            Ok(Self::Membarrier)
        } else {
            Self::by_map()
        }
    }

    /// Uses the map.
    pub(crate) fn by_map() -> io::Result<Self> {
        let inner = bpf::create_array()?;
        let outer = bpf::create_array_of_maps(inner.as_fd())?;
        Ok(Self::MapInMap { outer, inner })
    }

    /// Creates another instance of the same method, for another thread.
    pub(crate) fn like(other: &Self) -> io::Result<Self> {
        match other {
            Self::Membarrier => Ok(Self::Membarrier),
            Self::MapInMap { .. } => Self::by_map(),
            #[cfg(feature = "__lab")]
            Self::Skip => Ok(Self::Skip),
        }
    }

    /// Waits for a grace period.
    pub(crate) fn wait(&self) -> io::Result<()> {
        match self {
            Self::Membarrier => membarrier::wait(),
            Self::MapInMap { outer, inner } => bpf::set_inner_map(outer.as_fd(), inner.as_fd()),
            #[cfg(feature = "__lab")]
            Self::Skip => Ok(()),
        }
    }
}
