//! The kernel program, compiled by `cargo xtask bpf` from this crate's own source.

/// Gives the bytes the alignment an ELF reader wants.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!("../prebuilt/mermin.bpf.o"));

/// The ELF object with programs and maps named as in [`crate::abi::names`]; 8-byte aligned.
pub static OBJECT: &[u8] = &ALIGNED.0;
