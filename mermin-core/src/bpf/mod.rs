//! The loaded kernel program and its memory. Nothing outside names aya.
#![expect(unsafe_code, reason = "memory is shared with the kernel program")]

pub(crate) mod clock;
pub(crate) mod grace;
pub(crate) mod index;
pub(crate) mod ledger;
pub(crate) mod object;
pub(crate) mod pin;
pub(crate) mod size;
pub(crate) mod slab;
