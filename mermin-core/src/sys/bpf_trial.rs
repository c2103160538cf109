//! bpf(2) as the lab needs it: counters, live frames, and what the kernel knows of a program and its maps.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use super::{
    bpf::TestRun,
    bpf_call::{self, Create, address, address_mut, bpf, get_info, open, raw, set},
    bpf_pin::MapInfo,
};

const MAP_CREATE: libc::c_int = 0;
#[cfg(feature = "pcap")]
const MAP_GET_NEXT_KEY: libc::c_int = 4;
const PROG_TEST_RUN: libc::c_int = 10;
const MAP_GET_FD_BY_ID: libc::c_int = 14;

const MAP_TYPE_ARRAY: u32 = 2;
/// Frames travel on as if a driver had received them.
const F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;

/// Creates an array of one counter of eight octets.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_counter() -> io::Result<OwnedFd> {
    let mut attr = Create {
        kind: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: 8,
        entries: 1,
        ..Create::default()
    };
    // SAFETY: no pointers.
    unsafe { open(MAP_CREATE, &mut attr) }
}

/// Sets such a counter.
///
/// # Errors
/// The kernel's.
pub(crate) fn set_counter(counter: BorrowedFd<'_>, number: u64) -> io::Result<()> {
    // SAFETY: key and value outlive the call, and are as long as a counter has them.
    unsafe { set(counter, address(&0_u32), address(&number)) }
}

/// Runs a classifier once, and writes what it leaves of a frame and its context (a `__sk_buff`) over them. Gives its
/// verdict.
///
/// # Errors
/// The kernel's: EINVAL for a frame shorter than an Ethernet header or longer than it takes; ENOSPC where a program has made
/// it longer.
pub(crate) fn pass(
    program: BorrowedFd<'_>,
    frame: &mut Vec<u8>,
    context: &mut [u8],
) -> io::Result<u32> {
    let mut left = vec![0; frame.len()];
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let context_length = u32::try_from(context.len()).map_err(io::Error::other)?;
    let mut attr = TestRun {
        program: raw(program),
        data_size_in: length,
        data_in: address(frame.as_slice()),
        data_size_out: length,
        data_out: address_mut(left.as_mut_slice()),
        repeat: 1,
        context_size_in: context_length,
        context_in: address(context),
        context_size_out: context_length,
        context_out: address_mut(context),
        ..TestRun::default()
    };
    // SAFETY: frames and context outlive the call; the kernel writes no more than the sizes say, and reads the context
    // before it writes it.
    unsafe { bpf(PROG_TEST_RUN, &mut attr) }?;
    left.truncate(attr.data_size_out as usize);
    *frame = left;
    Ok(attr.verdict)
}

/// `struct xdp_md`.
#[repr(C)]
#[derive(Default)]
struct XdpContext {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue: u32,
    egress_ifindex: u32,
}

/// Lets an interface of the calling thread's network namespace receive `repeat` copies of a frame, each as the XDP
/// program leaves it.
///
/// # Errors
/// The kernel's: EINVAL for an interface that has no receive queue for XDP.
pub(crate) fn live_frames(
    program: BorrowedFd<'_>,
    frame: &[u8],
    ifindex: u32,
    repeat: u32,
    batch: u32,
) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let context = XdpContext {
        data_end: length,
        ingress_ifindex: ifindex,
        ..XdpContext::default()
    };
    let mut attr = TestRun {
        program: raw(program),
        data_size_in: length,
        data_in: address(frame),
        repeat,
        context_size_in: 24,
        context_in: address(&context),
        flags: F_TEST_XDP_LIVE_FRAMES,
        batch_size: batch,
        ..TestRun::default()
    };
    // SAFETY: frame and context outlive the call, and nothing is asked to be written back.
    unsafe { bpf(PROG_TEST_RUN, &mut attr) }.map(drop)
}

/// `struct bpf_prog_info` as of Linux 5.16.
#[repr(C)]
#[derive(Default)]
pub(crate) struct ProgramInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    /// Octets of machine code.
    pub(crate) jited_octets: u32,
    /// Octets of instructions as the verifier left them.
    pub(crate) instruction_octets: u32,
    jited: u64,
    instructions: u64,
    load_time: u64,
    created_by: u32,
    map_count: u32,
    map_ids: u64,
    name: [u8; 16],
    ifindex: u32,
    gpl_compatible: u32,
    netns: [u64; 2],
    symbol_counts: [u32; 2],
    symbols: [u64; 2],
    btf: u32,
    function_record: u32,
    functions: u64,
    function_counts: [u32; 2],
    lines: [u64; 2],
    line_counts: [u32; 4],
    tags: u64,
    run_time: u64,
    runs: u64,
    recursion_misses: u64,
    /// Instructions the verifier went through.
    pub(crate) verified: u32,
    attach_btf: [u32; 2],
    padding: u32,
}

/// The kernel's description of a program.
///
/// # Errors
/// The kernel's.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    let mut info = ProgramInfo::default();
    // SAFETY: it is the kernel's structure, without pointers.
    unsafe { get_info(program, &mut info) }?;
    Ok(info)
}

/// The maps a program uses.
///
/// # Errors
/// The kernel's; needs `CAP_SYS_ADMIN`.
pub(crate) fn maps_of(program: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut ids = [0_u32; 64];
    let mut info = ProgramInfo {
        map_count: 64,
        map_ids: address_mut(&mut ids),
        ..ProgramInfo::default()
    };
    // SAFETY: it is the kernel's structure, and its one pointer as long as said.
    unsafe { get_info(program, &mut info) }?;
    let by_id = |id: &u32| {
        let mut attr = [*id, 0, 0];
        // SAFETY: no pointers.
        unsafe { open(MAP_GET_FD_BY_ID, &mut attr) }
    };
    ids.iter()
        .take(info.map_count as usize)
        .map(by_id)
        .collect()
}

/// The first key of a hash; none when it is empty.
///
/// `K` is the map's key: any octets are one.
///
/// # Errors
/// The kernel's.
#[cfg(feature = "pcap")]
pub(crate) fn first_key<K: Copy + Default>(hash: BorrowedFd<'_>) -> io::Result<Option<K>> {
    let mut first = K::default();
    // Without a key to begin behind, the kernel gives the first.
    let mut attr = bpf_call::Element {
        map: raw(hash),
        value: address_mut(&mut first),
        ..bpf_call::Element::default()
    };
    // SAFETY: the map's key is as large as `first`, which outlives the call.
    match unsafe { bpf(MAP_GET_NEXT_KEY, &mut attr) } {
        Ok(_) => Ok(Some(first)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A map's name.
///
/// # Errors
/// The kernel's.
pub(crate) fn map_name(map: BorrowedFd<'_>) -> io::Result<String> {
    let mut info = MapInfo::default();
    // SAFETY: it is the beginning of the kernel's structure, without pointers.
    unsafe { get_info(map, &mut info) }?;
    Ok(bpf_call::name(&info.name))
}

const _: () = {
    assert!(std::mem::offset_of!(ProgramInfo, name) == 64);
    assert!(std::mem::offset_of!(ProgramInfo, btf) == 128);
    assert!(std::mem::offset_of!(ProgramInfo, verified) == 216);
    assert!(size_of::<XdpContext>() == 24);
};
