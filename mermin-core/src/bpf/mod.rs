//! The loaded kernel program and its memory. The crate that reads the object is used only here, and in `sys` for the
//! kernel's structures.
#![expect(unsafe_code, reason = "memory is shared with the kernel program")]

pub(crate) mod clock;
pub(crate) mod drop_counts;
pub(crate) mod drop_facts;
mod expiry_state;
pub(crate) mod free;
pub(crate) mod grace;
mod image;
pub(crate) mod index;
mod kernel_types;
pub(crate) mod ledger;
pub(crate) mod loaded;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod openers;
mod parallel;
pub(crate) mod pin;
pub(crate) mod refusal;
pub(crate) mod sections;
pub(crate) mod size;
pub(crate) mod slab;
pub(crate) mod tcp_analyses;
pub(crate) mod tcp_sockets;
pub(crate) mod zeroed;

#[cfg(feature = "__lab")]
pub(crate) use image::constants;
