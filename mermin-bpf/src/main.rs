//! The kernel program. Compiled for `bpfel-unknown-none` by `cargo xtask bpf`; anywhere else this is an empty program.
#![cfg_attr(
    target_arch = "bpf",
    no_std,
    no_main,
    feature(asm_experimental_arch, core_intrinsics, stmt_expr_attributes)
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        internal_features,
        reason = "atomic addition has no other name on this target"
    )
)]

#[cfg(target_arch = "bpf")]
#[expect(
    unsafe_code,
    reason = "helpers and packet memory are reached by pointer"
)]
#[expect(
    clippy::inline_always,
    reason = "one function, so that the verifier follows packet bounds"
)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of wider words on purpose"
)]
#[expect(
    clippy::incompatible_msrv,
    reason = "the object is built by a compiler of its own; the version is for who builds the library"
)]
mod kernel;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
