//! Definitions that Mermin's kernel program and user space share.
//!
//! * [`abi`]: the bytes that cross the kernel boundary;
//! * [`index`]: how flows are found, inserted and removed by both sides;
//! * [`wire`]: packet parsing, the same code in the kernel and over `&[u8]`;
//! * [`track`]: what one packet does to a flow, pure;
//! * `OBJECT`: the compiled kernel program.
//!
//! Applications use `mermin-core`; this crate is its foundation and follows it in version.
#![no_std]
#![expect(
    clippy::inline_always,
    reason = "the kernel program must be one function for the verifier to follow packet bounds"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of wider words on purpose, here more often than not"
)]

#[cfg(test)]
extern crate std;

pub mod abi;
pub mod index;
#[cfg(not(target_arch = "bpf"))]
mod object;
pub mod track;
pub mod wire;

#[cfg(not(target_arch = "bpf"))]
pub use object::OBJECT;
