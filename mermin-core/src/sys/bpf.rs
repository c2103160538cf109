//! bpf(2) as capturing needs it: batches, maps of maps, test runs.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya_obj::generated::{
    bpf_cmd,
    bpf_map_type::{self, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_PROG_ARRAY},
};

use super::bpf_call::{address, blank, bpf, open, raw, set};

/// Deletes keys from a hash until one fails. Returns the number of deleted keys, and the error that ended it.
///
/// `K` is the map's key, without padding.
///
/// # Errors
/// The kernel's for the key that follows the deleted ones: ENOENT when it is not there.
#[cfg(all(feature = "__lab", feature = "pcap"))]
pub(crate) fn delete_batch<K: Copy>(
    map: BorrowedFd<'_>,
    keys: &[K],
) -> Result<(), (usize, io::Error)> {
    let Ok(count) = u32::try_from(keys.len()) else {
        return Err((0, io::Error::from_raw_os_error(libc::E2BIG)));
    };
    if count == 0 {
        return Ok(());
    }
    let mut attr = blank();
    attr.batch.keys = address(keys);
    attr.batch.count = count;
    attr.batch.map_fd = raw(map);
    // SAFETY: `keys` outlives the call.
    let Err(error) = (unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_BATCH, &mut attr) }) else {
        return Ok(());
    };
    // SAFETY: a number, wherever it was written.
    let done = unsafe { attr.batch.count };
    // The kernel writes the number of deleted keys, except when it refuses the call itself.
    Err((if done == count { 0 } else { done as usize }, error))
}

/// Creates a map of numbers, or of descriptors.
fn create(
    kind: bpf_map_type,
    value_size: u32,
    entries: u32,
    inner: Option<BorrowedFd<'_>>,
) -> io::Result<OwnedFd> {
    let mut attr = blank();
    attr.__bindgen_anon_1.map_type = kind as u32;
    attr.__bindgen_anon_1.key_size = 4;
    attr.__bindgen_anon_1.value_size = value_size;
    attr.__bindgen_anon_1.max_entries = entries;
    attr.__bindgen_anon_1.inner_map_fd = inner.map_or(0, raw);
    // SAFETY: no addresses, and the command makes a descriptor.
    unsafe { open(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
}

/// Creates an array of one number.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array() -> io::Result<OwnedFd> {
    create(BPF_MAP_TYPE_ARRAY, 4, 1, None)
}

/// Creates an array of one counter of eight octets.
///
/// # Errors
/// The kernel's.
#[cfg(feature = "__lab")]
pub(crate) fn create_counter() -> io::Result<OwnedFd> {
    create(BPF_MAP_TYPE_ARRAY, 8, 1, None)
}

/// Creates an array of one map like `inner`.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array_of_maps(inner: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    create(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 1, Some(inner))
}

/// Creates an array of programs for tail calls.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_calls(programs: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let entries = u32::try_from(programs.len()).map_err(io::Error::other)?;
    let map = create(BPF_MAP_TYPE_PROG_ARRAY, 4, entries, None)?;
    for (key, program) in (0_u32..).zip(programs) {
        set_program(map.as_fd(), key, *program)?;
    }
    Ok(map)
}

/// Puts a program into a place of a program array.
///
/// # Errors
/// The kernel's.
pub(crate) fn set_program(
    array: BorrowedFd<'_>,
    place: u32,
    program: BorrowedFd<'_>,
) -> io::Result<()> {
    set_descriptor(array, place, program)
}

/// Puts a map into the array of maps. The kernel waits for a grace period before it returns (since Linux 5.0), because
/// programs may still use the former map.
///
/// # Errors
/// The kernel's.
pub(crate) fn set_inner_map(outer: BorrowedFd<'_>, inner: BorrowedFd<'_>) -> io::Result<()> {
    set_descriptor(outer, 0, inner)
}

/// Sets an element of an array whose values are descriptors.
fn set_descriptor(array: BorrowedFd<'_>, key: u32, value: BorrowedFd<'_>) -> io::Result<()> {
    let value = raw(value);
    // SAFETY: key and value are of four octets, as an array of descriptors has them, and outlive the call.
    unsafe { set(array, address(&key), address(&value)) }
}

/// Result of a test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Value that the program returned.
    pub(crate) verdict: u32,
    /// Nanoseconds per run, averaged by the kernel.
    pub(crate) nanoseconds: u32,
}

/// Runs a program on a packet (`BPF_PROG_TEST_RUN`), `repeat` times, with the context `context` (a `__sk_buff` or its
/// beginning; empty for none).
///
/// # Errors
/// The kernel's: EINVAL for a packet shorter than an Ethernet header or longer than the kernel's maximum.
pub(crate) fn test_run(
    program: BorrowedFd<'_>,
    packet: &[u8],
    context: &[u8],
    repeat: u32,
) -> io::Result<Ran> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    let mut attr = blank();
    attr.test.prog_fd = raw(program);
    attr.test.data_size_in = size(packet)?;
    attr.test.data_in = address(packet);
    attr.test.repeat = repeat;
    if !context.is_empty() {
        attr.test.ctx_size_in = size(context)?;
        attr.test.ctx_in = address(context);
    }
    // SAFETY: packet and context outlive the call, and nothing is asked to be written back.
    unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr) }?;
    // SAFETY: the part that was filled in.
    let ran = unsafe { attr.test };
    Ok(Ran {
        verdict: ran.retval,
        nanoseconds: ran.duration,
    })
}
