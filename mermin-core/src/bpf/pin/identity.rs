//! Identity of an instance: the origin of its flow ids, and its network namespace.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::digest::Seed;

use super::names::IDENTITY;
use crate::sys::{
    bpf_pin::{self, Shape},
    mapping::Mapping,
};

/// The only element of the identity's map.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// A random number, created with the maps. It makes the ids of two sources differ.
    pub(crate) epoch: u64,
    /// Cookie of the network namespace.
    pub(crate) netns: u64,
    /// 1 if keys leave out VLANs and tunnels, otherwise 0.
    pub(crate) keyed: u64,
    /// 1 if packets' times are `CLOCK_MONOTONIC`, 0 if they are ticks.
    pub(crate) exact_end: u64,
    /// 1 if the analysis of TCP was wanted when the maps were made, and the kernel refused it; otherwise 0.
    pub(crate) unanalysed: u64,
    /// 1 if the kernel's values of TCP sockets were wanted when the maps were made, and it refused them; otherwise 0.
    pub(crate) no_sockets: u64,
    /// 1 if dropped packets were to be counted when the maps were made, and the kernel or the memory limit refused it; otherwise 0.
    pub(crate) uncounted_drops: u64,
    /// Of the index's digests.
    pub(crate) seed: Seed,
}

/// Returns the shape of its map.
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

/// Reads the identity.
pub(crate) fn read(map: &OwnedFd) -> io::Result<Identity> {
    Ok(Mapping::new(map.as_fd(), 1)?.read(0))
}
