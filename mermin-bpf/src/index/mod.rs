//! The index of flows: how a key is found, inserted, replaced and removed while other CPUs and user space do the same, and
//! how a new flow gets a slot.
//!
//! The kernel program and user space run this code on the same memory, and `model` walks it through all interleavings.
//! `docs/INDEX.md` has the protocol, its invariants, and why it is right.

#[cfg(test)]
mod filled;
pub mod free;
pub mod insert;
pub mod memory;
#[cfg(test)]
mod model;
pub mod remove;
pub mod search;
