//! bpf(2) for attaching: TCX links, the programs at a TCX hook, and the identity of a program.
#![expect(
    unsafe_code,
    reason = "bpf(2) has no safe wrapper; pointers in its arguments are numbers"
)]

use std::{
    ffi::CStr,
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use mermin_bpf::abi::ledger::HookDirection;

use aya_obj::generated::{
    BPF_F_AFTER, BPF_F_BEFORE, BPF_F_ID,
    bpf_attach_type::{BPF_CGROUP_INET_SOCK_CREATE, BPF_TCX_EGRESS, BPF_TCX_INGRESS},
    bpf_cmd, bpf_link_info, bpf_link_type, bpf_prog_info,
};

use super::bpf_call::{
    address, address_mut, blank, bpf, info, info_into, name, name_of, open, open_id, raw,
};

/// Maximum number of programs at one hook (`BPF_MPROG_MAX`).
const MPROG_MAX: usize = 64;
/// The kernel's own errno for "not supported", which libc does not know.
pub(crate) const ENOTSUPP: i32 = 524;

/// One program at a TCX hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcxProgram {
    /// The program's id.
    pub(crate) program: u32,
    /// The link that holds it; 0 if it was attached without a link.
    pub(crate) link: u32,
}

/// Identity of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramIdentity {
    /// Unique while the program lives. The kernel reuses an id only after all others.
    pub(crate) id: u32,
    /// At most 15 characters; empty if the loader gave none.
    pub(crate) name: String,
}

fn attach_type(direction: HookDirection) -> u32 {
    match direction {
        HookDirection::Ingress => BPF_TCX_INGRESS as u32,
        HookDirection::Egress => BPF_TCX_EGRESS as u32,
    }
}

/// A place among the programs at a TCX hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    First,
    Last,
    /// Before the program of this id.
    Before(u32),
    /// Behind it.
    After(u32),
}

/// Attaches a program at a TCX hook of an interface in the calling thread's network namespace. It stays while the
/// returned link is open, or pinned.
pub(crate) fn attach_tcx(
    program: BorrowedFd<'_>,
    ifindex: u32,
    direction: HookDirection,
    position: Position,
) -> io::Result<OwnedFd> {
    // Without a relative program, it goes before or behind all others.
    let (flags, relative) = match position {
        Position::First => (BPF_F_BEFORE, 0),
        Position::Last => (BPF_F_AFTER, 0),
        Position::Before(program) => (BPF_F_BEFORE | BPF_F_ID, program),
        Position::After(program) => (BPF_F_AFTER | BPF_F_ID, program),
    };
    let mut attr = blank();
    attr.link_create.__bindgen_anon_1.prog_fd = raw(program);
    attr.link_create.__bindgen_anon_2.target_ifindex = ifindex;
    attr.link_create.attach_type = attach_type(direction);
    attr.link_create.flags = flags;
    attr.link_create
        .__bindgen_anon_3
        .tcx
        .__bindgen_anon_1
        .relative_id = relative;
    // SAFETY: no addresses, and the command makes a descriptor.
    unsafe { open(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// Attaches a program to a tracepoint. It stays while the returned link is open, or pinned.
///
/// # Errors
/// The kernel's: ENOENT without the tracepoint, EINVAL if the program reads arguments that it does not have.
pub(crate) fn attach_raw_tracepoint(program: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let mut attr = blank();
    attr.raw_tracepoint.name = address(name.to_bytes_with_nul());
    attr.raw_tracepoint.prog_fd = raw(program);
    // SAFETY: the name outlives the call, and the command makes a descriptor.
    unsafe { open(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attr) }
}

/// Attaches a program to the opening of sockets by the processes of a control group and of those below it. It stays while the returned link
/// is open.
///
/// # Errors
/// The kernel's: EPERM if the program of another user allows no other one, EBADF if the directory is of no control group of the unified
/// hierarchy.
pub(crate) fn attach_to_cgroup(
    program: BorrowedFd<'_>,
    directory: BorrowedFd<'_>,
) -> io::Result<OwnedFd> {
    let mut attr = blank();
    attr.link_create.__bindgen_anon_1.prog_fd = raw(program);
    attr.link_create.__bindgen_anon_2.target_fd = raw(directory);
    attr.link_create.attach_type = BPF_CGROUP_INET_SOCK_CREATE as u32;
    // SAFETY: no addresses, and the command makes a descriptor.
    unsafe { open(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// Detaches now, even if the link is also open elsewhere: a child between fork and exec has it for a moment.
pub(crate) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = blank();
    attr.link_detach.link_fd = raw(link);
    // SAFETY: no addresses.
    unsafe { bpf(bpf_cmd::BPF_LINK_DETACH, &mut attr) }.map(drop)
}

/// The interface of a TCX link; 0 after the link was detached.
pub(crate) fn tcx_interface(link: BorrowedFd<'_>) -> io::Result<u32> {
    Ok(ifindex_of(&info(link)?))
}

/// The interface of a link and the program that it holds, if a descriptor is a TCX link.
///
/// # Errors
/// The kernel's: EINVAL if it is no descriptor of bpf(2).
pub(crate) fn tcx(link: BorrowedFd<'_>) -> io::Result<Option<(u32, u32)>> {
    let info: bpf_link_info = info(link)?;
    let is_tcx = info.type_ == bpf_link_type::BPF_LINK_TYPE_TCX as u32;
    Ok(is_tcx.then(|| (ifindex_of(&info), info.prog_id)))
}

/// Tells if a found descriptor is a link that holds a program at this hook, in the calling thread's network namespace. A
/// link shows only the index of its interface, in the namespace that the interface is in now.
pub(crate) fn is_at(
    link: BorrowedFd<'_>,
    ifindex: u32,
    direction: HookDirection,
) -> io::Result<bool> {
    let info: bpf_link_info = info(link)?;
    if info.type_ != bpf_link_type::BPF_LINK_TYPE_TCX as u32 || ifindex_of(&info) != ifindex {
        return Ok(false);
    }
    match query_tcx(ifindex, direction) {
        Ok(programs) => Ok(programs.iter().any(|at| at.link == info.id)),
        // No interface has the index here.
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The id of the program that a link holds.
pub(crate) fn program_of(link: BorrowedFd<'_>) -> io::Result<u32> {
    info::<bpf_link_info>(link).map(|info| info.prog_id)
}

fn ifindex_of(info: &bpf_link_info) -> u32 {
    // SAFETY: a number, whatever kind of link it is.
    unsafe { info.__bindgen_anon_1.tcx.ifindex }
}

/// The programs at a TCX hook, in the order they run.
pub(crate) fn query_tcx(ifindex: u32, direction: HookDirection) -> io::Result<Vec<TcxProgram>> {
    let mut programs = [0u32; MPROG_MAX];
    let mut links = [0u32; MPROG_MAX];
    let mut attr = blank();
    attr.query.__bindgen_anon_1.target_ifindex = ifindex;
    attr.query.attach_type = attach_type(direction);
    attr.query.prog_ids = address_mut(&mut programs);
    attr.query.__bindgen_anon_2.count = 64;
    attr.query.link_ids = address_mut(&mut links);
    // SAFETY: the command writes `count` numbers at most to each of the two arrays, which are that long and live on.
    match unsafe { bpf(bpf_cmd::BPF_PROG_QUERY, &mut attr) } {
        Ok(_) => {}
        // Linux 6.6 returns this for a hook without any attachment so far.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    // SAFETY: a number, of the part that was filled in.
    let count = unsafe { attr.query.__bindgen_anon_2.count };
    let found = programs.iter().zip(&links).take(count as usize);
    Ok(found
        .map(|(program, link)| TcxProgram {
            program: *program,
            link: *link,
        })
        .collect())
}

/// Identity of a program.
pub(crate) fn identify(program: BorrowedFd<'_>) -> io::Result<ProgramIdentity> {
    let info: bpf_prog_info = info(program)?;
    Ok(ProgramIdentity {
        id: info.id,
        name: name(&info.name),
    })
}

/// Tells if a program was loaded with this name, of which the kernel keeps 15 octets.
///
/// # Errors
/// The kernel's.
pub(crate) fn is_named(program: BorrowedFd<'_>, wanted: &str) -> io::Result<bool> {
    Ok(info::<bpf_prog_info>(program)?.name == name_of(wanted))
}

/// How often a program was not run because it would have interrupted itself on a CPU. 0 before Linux 5.12.
///
/// # Errors
/// The kernel's.
pub(crate) fn recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(info::<bpf_prog_info>(program)?.recursion_misses)
}

/// Ids of the maps that a program uses.
///
/// # Errors
/// The kernel's.
pub(super) fn maps_of(program: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut ids = [0_u32; 64];
    let place = address_mut(&mut ids);
    // SAFETY: the list lives on, and is as long as said.
    let info: bpf_prog_info = unsafe {
        info_into(program, |info: &mut bpf_prog_info| {
            info.nr_map_ids = 64;
            info.map_ids = place;
        })
    }?;
    Ok(ids[..64.min(info.nr_map_ids as usize)].to_vec())
}

/// Opens a program by its id (needs `CAP_SYS_ADMIN`).
pub(crate) fn open_program(id: u32) -> io::Result<OwnedFd> {
    open_id(bpf_cmd::BPF_PROG_GET_FD_BY_ID, id)
}
