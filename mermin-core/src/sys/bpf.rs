//! bpf(2) as capturing needs it: batches, stacks, maps of maps, test runs.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::bpf_call::{Create, address, bpf, open, raw, set};

const MAP_CREATE: libc::c_int = 0;
const PROG_TEST_RUN: libc::c_int = 10;
const MAP_DELETE_BATCH: libc::c_int = 27;

const MAP_TYPE_ARRAY: u32 = 2;
const MAP_TYPE_PROG_ARRAY: u32 = 3;
const MAP_TYPE_ARRAY_OF_MAPS: u32 = 12;

/// Pushes a number to a stack map.
///
/// # Errors
/// The kernel's: E2BIG for a full stack, EBUSY when its lock is held by an interrupted program on this CPU.
pub(crate) fn push(stack: BorrowedFd<'_>, number: u32) -> io::Result<()> {
    // SAFETY: a stack of numbers, and `number` outlives the call.
    unsafe { set(stack, 0, address(&number)) }
}

#[repr(C)]
#[derive(Default)]
struct Batch {
    input: u64,
    output: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// Deletes keys from a hash until one fails: how many were deleted, and why it stopped.
///
/// `K` is the map's key, without padding.
///
/// # Errors
/// The kernel's for the key that follows the deleted ones: ENOENT when it is not there.
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
    let mut attr = Batch {
        keys: address(keys),
        count,
        map: raw(map),
        ..Batch::default()
    };
    // SAFETY: `keys` outlives the call.
    match unsafe { bpf(MAP_DELETE_BATCH, &mut attr) } {
        Ok(_) => Ok(()),
        // The kernel writes how far it came, but not when it refuses the call itself.
        Err(error) if attr.count == count => Err((0, error)),
        Err(error) => Err((attr.count as usize, error)),
    }
}

fn create(attr: &mut Create) -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    unsafe { open(MAP_CREATE, attr) }
}

/// Creates an array of one number.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array() -> io::Result<OwnedFd> {
    create(&mut Create {
        kind: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: 4,
        entries: 1,
        ..Create::default()
    })
}

/// Creates an array of one map like `inner`.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array_of_maps(inner: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    create(&mut Create {
        kind: MAP_TYPE_ARRAY_OF_MAPS,
        key_size: 4,
        value_size: 4,
        entries: 1,
        inner: raw(inner),
        ..Create::default()
    })
}

/// Creates an array of programs that others call as their last act.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_calls(programs: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let map = create(&mut Create {
        kind: MAP_TYPE_PROG_ARRAY,
        key_size: 4,
        value_size: 4,
        entries: u32::try_from(programs.len()).map_err(io::Error::other)?,
        ..Create::default()
    })?;
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
/// programs may still use the map that was there.
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

#[repr(C)]
#[derive(Default)]
pub(super) struct TestRun {
    pub(super) program: u32,
    pub(super) verdict: u32,
    pub(super) data_size_in: u32,
    pub(super) data_size_out: u32,
    pub(super) data_in: u64,
    pub(super) data_out: u64,
    pub(super) repeat: u32,
    pub(super) duration: u32,
    pub(super) context_size_in: u32,
    pub(super) context_size_out: u32,
    pub(super) context_in: u64,
    pub(super) context_out: u64,
    pub(super) flags: u32,
    pub(super) cpu: u32,
    pub(super) batch_size: u32,
    pub(super) padding: u32,
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
/// The kernel's: EINVAL for a packet shorter than an Ethernet header or longer than it takes.
pub(crate) fn test_run(
    program: BorrowedFd<'_>,
    packet: &[u8],
    context: &[u8],
    repeat: u32,
) -> io::Result<Ran> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    let mut attr = TestRun {
        program: raw(program),
        data_size_in: size(packet)?,
        data_in: address(packet),
        repeat,
        ..TestRun::default()
    };
    if !context.is_empty() {
        attr.context_size_in = size(context)?;
        attr.context_in = address(context);
    }
    // SAFETY: packet and context outlive the call, and nothing is asked to be written back.
    unsafe { bpf(PROG_TEST_RUN, &mut attr) }?;
    Ok(Ran {
        verdict: attr.verdict,
        nanoseconds: attr.duration,
    })
}
