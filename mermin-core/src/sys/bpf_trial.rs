//! bpf(2) for the lab: counters, live frames, and descriptions of a program and its maps.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use aya_obj::generated::{BPF_F_TEST_XDP_LIVE_FRAMES, bpf_cmd, bpf_map_info, bpf_prog_info};

use super::{
    bpf_call::{self, address, address_mut, blank, bpf, info, open_id, raw, set},
    bpf_link,
};

/// Sets the counter of an array of one.
///
/// # Errors
/// The kernel's.
pub(crate) fn set_counter(counter: BorrowedFd<'_>, number: u64) -> io::Result<()> {
    // SAFETY: key and value outlive the call, and are as long as a counter has them.
    unsafe { set(counter, address(&0_u32), address(&number)) }
}

/// Runs a classifier once on a frame and its context (a `__sk_buff`), which the results overwrite. Returns the verdict.
///
/// # Errors
/// The kernel's: EINVAL for a frame shorter than an Ethernet header or longer than the kernel's maximum; ENOSPC if a program
/// made it longer.
pub(crate) fn pass(
    program: BorrowedFd<'_>,
    frame: &mut Vec<u8>,
    context: &mut [u8],
) -> io::Result<u32> {
    let mut left = vec![0; frame.len()];
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let context_length = u32::try_from(context.len()).map_err(io::Error::other)?;
    let mut attr = blank();
    attr.test.prog_fd = raw(program);
    attr.test.data_size_in = length;
    attr.test.data_in = address(frame.as_slice());
    attr.test.data_size_out = length;
    attr.test.data_out = address_mut(left.as_mut_slice());
    attr.test.repeat = 1;
    attr.test.ctx_size_in = context_length;
    attr.test.ctx_in = address(context);
    attr.test.ctx_size_out = context_length;
    attr.test.ctx_out = address_mut(context);
    // SAFETY: frames and context outlive the call; the kernel writes no more than the sizes say, and reads the context
    // before it writes it.
    unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr) }?;
    // SAFETY: the part that was filled in.
    let ran = unsafe { attr.test };
    left.truncate(ran.data_size_out as usize);
    *frame = left;
    Ok(ran.retval)
}

/// `struct xdp_md`, which aya-obj lacks.
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

/// Lets an interface of the calling thread's network namespace receive `repeat` copies of a frame, each after the
/// XDP program changed it.
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
    let mut attr = blank();
    attr.test.prog_fd = raw(program);
    attr.test.data_size_in = length;
    attr.test.data_in = address(frame);
    attr.test.repeat = repeat;
    attr.test.ctx_size_in = 24;
    attr.test.ctx_in = address(&context);
    attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    attr.test.batch_size = batch;
    // SAFETY: frame and context outlive the call, and nothing is asked to be written back.
    unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr) }.map(drop)
}

/// The kernel's description of a program.
///
/// # Errors
/// The kernel's.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    info(program)
}

/// The maps a program uses.
///
/// # Errors
/// The kernel's; needs `CAP_SYS_ADMIN`.
pub(crate) fn maps_of(program: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let ids = bpf_link::maps_of(program)?.into_iter();
    ids.map(|id| open_id(bpf_cmd::BPF_MAP_GET_FD_BY_ID, id))
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
    // Without a previous key, the kernel returns the first one.
    let place = address_mut(&mut first);
    // SAFETY: the map's key is as large as `first`, which outlives the call.
    match unsafe { bpf_call::element(bpf_cmd::BPF_MAP_GET_NEXT_KEY, hash, 0, place) } {
        Ok(()) => Ok(Some(first)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A map's name.
///
/// # Errors
/// The kernel's.
pub(crate) fn map_name(map: BorrowedFd<'_>) -> io::Result<String> {
    let info: bpf_map_info = info(map)?;
    Ok(bpf_call::name(&info.name))
}

const _: () = assert!(size_of::<XdpContext>() == 24);
