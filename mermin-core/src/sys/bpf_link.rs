//! bpf(2) as far as attaching needs it: TCX links, what is at a TCX hook, and what a program is.
#![expect(
    unsafe_code,
    reason = "bpf(2) has no safe wrapper; pointers in its arguments are numbers"
)]

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use mermin_bpf::abi::ledger::Direction;

use super::bpf_call::{address_mut, bpf, get_info, name, open, raw};

const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_DETACH: libc::c_int = 34;

const LINK_TYPE_TCX: u32 = 11;
/// With no relative given: before all others.
const BPF_F_BEFORE: u32 = 1 << 3;
/// With no relative given: behind all others.
const BPF_F_AFTER: u32 = 1 << 4;
/// The relative is a program, by its id.
const BPF_F_ID: u32 = 1 << 5;
/// Programs the kernel lets stand at one hook (`BPF_MPROG_MAX`).
const MPROG_MAX: usize = 64;
/// The kernel's own errno for "not supported", which libc does not know.
pub(crate) const ENOTSUPP: i32 = 524;

/// `struct { .. } link_create` with its `tcx` part, of `union bpf_attr`.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative: u32,
    padding: u32,
    expected_revision: u64,
}

/// `struct { .. } link_detach`.
#[repr(C)]
struct LinkDetach {
    link_fd: u32,
}

/// `struct { .. } query`.
#[repr(C)]
struct Query {
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    attach_flags: u32,
    program_ids: u64,
    count: u32,
    padding: u32,
    program_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// `struct { .. }` of the `*_GET_FD_BY_ID` commands.
#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// `struct bpf_prog_info` up to the name.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_length: u32,
    xlated_length: u32,
    jited: u64,
    xlated: u64,
    load_time: u64,
    created_by_uid: u32,
    map_count: u32,
    map_ids: u64,
    name: [u8; 16],
}

/// `struct bpf_link_info` with its `tcx` part.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    ifindex: u32,
    attach_type: u32,
    // Other kinds of link have longer parts.
    rest: [u64; 8],
}

/// One program at a TCX hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcxProgram {
    /// The program's id.
    pub(crate) program: u32,
    /// The link that holds it; 0 where it was attached without one.
    pub(crate) link: u32,
}

/// Identity of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramIdentity {
    /// Unique while the program lives; a number comes again only after all others.
    pub(crate) id: u32,
    /// At most 15 characters; empty where the loader gave none.
    pub(crate) name: String,
}

fn attach_type(direction: Direction) -> u32 {
    match direction {
        Direction::Ingress => 46,
        Direction::Egress => 47,
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
    direction: Direction,
    position: Position,
) -> io::Result<OwnedFd> {
    let (flags, relative) = match position {
        Position::First => (BPF_F_BEFORE, 0),
        Position::Last => (BPF_F_AFTER, 0),
        Position::Before(program) => (BPF_F_BEFORE | BPF_F_ID, program),
        Position::After(program) => (BPF_F_AFTER | BPF_F_ID, program),
    };
    let mut attributes = LinkCreate {
        prog_fd: raw(program),
        ifindex,
        attach_type: attach_type(direction),
        flags,
        relative,
        padding: 0,
        expected_revision: 0,
    };
    // SAFETY: the command reads `LinkCreate`, which holds no pointers.
    unsafe { open(BPF_LINK_CREATE, &mut attributes) }
}

/// Detaches now, whoever else has the link open: a child between fork and exec has, for a moment.
pub(crate) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = LinkDetach { link_fd: raw(link) };
    // SAFETY: the command reads `LinkDetach`, which holds no pointers.
    unsafe { bpf(BPF_LINK_DETACH, &mut attributes) }.map(drop)
}

/// The interface that a TCX link holds its program at; 0 once it holds it no more.
pub(crate) fn tcx_interface(link: BorrowedFd<'_>) -> io::Result<u32> {
    let mut info = LinkInfo::default();
    // SAFETY: the structure is the beginning of the kernel's for a TCX link, and holds no pointer there.
    unsafe { get_info(link, &mut info) }?;
    Ok(info.ifindex)
}

/// Tells if a found descriptor is a link that holds a program at this hook, in the calling thread's network namespace. A
/// link tells no more of its interface than the index, which it has in whatever namespace it was moved to.
pub(crate) fn is_at(link: BorrowedFd<'_>, ifindex: u32, direction: Direction) -> io::Result<bool> {
    let mut info = LinkInfo::default();
    // SAFETY: the structure is the beginning of the kernel's, and holds no pointer there.
    unsafe { get_info(link, &mut info) }?;
    if info.kind != LINK_TYPE_TCX || info.ifindex != ifindex {
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
    let mut info = LinkInfo::default();
    // SAFETY: the structure is the beginning of the kernel's, and holds no pointer there.
    unsafe { get_info(link, &mut info) }?;
    Ok(info.program)
}

/// The programs at a TCX hook, in the order they run.
pub(crate) fn query_tcx(ifindex: u32, direction: Direction) -> io::Result<Vec<TcxProgram>> {
    let mut programs = [0u32; MPROG_MAX];
    let mut links = [0u32; MPROG_MAX];
    let mut attributes = Query {
        ifindex,
        attach_type: attach_type(direction),
        flags: 0,
        attach_flags: 0,
        program_ids: address_mut(&mut programs),
        count: 64,
        padding: 0,
        program_attach_flags: 0,
        link_ids: address_mut(&mut links),
        link_attach_flags: 0,
        revision: 0,
    };
    // SAFETY: the command writes `count` numbers at most to each of the two arrays, which are that long and live on.
    match unsafe { bpf(BPF_PROG_QUERY, &mut attributes) } {
        Ok(_) => {}
        // Linux 6.6 answers so where nothing was ever attached.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let found = programs.iter().zip(&links).take(attributes.count as usize);
    Ok(found
        .map(|(program, link)| TcxProgram {
            program: *program,
            link: *link,
        })
        .collect())
}

/// Identity of a program.
pub(crate) fn identify(program: BorrowedFd<'_>) -> io::Result<ProgramIdentity> {
    let mut info = ProgramInfo::default();
    // SAFETY: it is the beginning of the kernel's structure. The pointers in it are null and the lengths zero.
    unsafe { get_info(program, &mut info) }?;
    Ok(ProgramIdentity {
        id: info.id,
        name: name(&info.name),
    })
}

/// Ids of the maps that a program uses.
///
/// # Errors
/// The kernel's.
pub(super) fn maps_of(program: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut ids = [0_u32; 64];
    let mut info = ProgramInfo {
        map_count: 64,
        map_ids: address_mut(&mut ids),
        ..ProgramInfo::default()
    };
    // SAFETY: it is the beginning of the kernel's structure, and its one pointer as long as said.
    unsafe { get_info(program, &mut info) }?;
    Ok(ids[..64.min(info.map_count as usize)].to_vec())
}

/// Opens a program by its id (needs `CAP_SYS_ADMIN`).
pub(crate) fn open_program(id: u32) -> io::Result<OwnedFd> {
    let mut attributes = ById {
        id,
        next_id: 0,
        open_flags: 0,
    };
    // SAFETY: the command reads `ById`, which holds no pointers.
    unsafe { open(BPF_PROG_GET_FD_BY_ID, &mut attributes) }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn structures_are_laid_out_as_the_kernels() {
        assert_eq!(
            (
                size_of::<LinkCreate>(),
                offset_of!(LinkCreate, expected_revision)
            ),
            (32, 24)
        );
        assert_eq!((size_of::<Query>(), offset_of!(Query, link_ids)), (64, 40));
        assert_eq!(offset_of!(LinkInfo, attach_type), 20);
        assert_eq!(
            (offset_of!(Query, program_ids), offset_of!(Query, count)),
            (16, 24)
        );
        assert_eq!(
            (size_of::<ProgramInfo>(), offset_of!(ProgramInfo, name)),
            (80, 64)
        );
    }
}
