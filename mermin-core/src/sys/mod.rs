//! System calls.
#![expect(unsafe_code, reason = "system calls take pointers")]

pub(crate) mod bpf;
pub(crate) mod mapping;
pub(crate) mod membarrier;
