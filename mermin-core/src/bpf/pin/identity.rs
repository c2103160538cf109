//! Identity of an instance: the ids of its flows, and the place of its interfaces.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::names::IDENTITY;
use crate::sys::{
    bpf_pin::{self, Shape},
    mapping::Mapping,
};

/// The one element of the identity's map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Random, drawn with the maps: what tells the ids of two sources apart.
    pub(crate) epoch: u64,
    /// The network namespace's cookie.
    pub(crate) netns: u64,
    /// 1 where VLANs and tunnels are left out of keys, else 0.
    pub(crate) keyed: u64,
    /// 1 where packets' times are `CLOCK_MONOTONIC`, 0 where they are ticks.
    pub(crate) exact_end: u64,
}

/// The shape of its map.
pub(crate) fn shape() -> Shape {
    bpf_pin::array_shape(size_of::<Identity>(), 1)
}

/// Creates the map.
pub(crate) fn create(identity: Identity) -> io::Result<OwnedFd> {
    let map = bpf_pin::create_array_of::<Identity>(IDENTITY, 1)?;
    let mapping = Mapping::<Identity>::new(map.as_fd(), 1)?;
    // SAFETY: within the mapping, which nobody else has.
    unsafe { mapping.at(0).write_volatile(identity) };
    Ok(map)
}

/// Reads it.
pub(crate) fn read(map: &OwnedFd) -> io::Result<Identity> {
    Ok(Mapping::new(map.as_fd(), 1)?.read(0))
}
