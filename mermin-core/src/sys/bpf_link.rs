//! bpf(2) as far as attaching needs it: TCX links, what is at a TCX hook, and what a program is.
#![expect(
    unsafe_code,
    reason = "bpf(2) has no safe wrapper; pointers in its arguments are numbers"
)]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr::from_mut,
};

use mermin_bpf::abi::ledger::Direction;

const BPF_PROG_GET_FD_BY_ID: libc::c_long = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const BPF_PROG_QUERY: libc::c_long = 16;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_LINK_DETACH: libc::c_long = 34;

/// With no relative given: before all others.
const BPF_F_BEFORE: u32 = 1 << 3;
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

/// `struct { .. } info`.
#[repr(C)]
struct InfoByFd {
    fd: u32,
    length: u32,
    info: u64,
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

/// One program at a TCX hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcxProgram {
    /// The program's id.
    pub(crate) program: u32,
    /// The link that holds it; 0 where it was attached without one.
    pub(crate) link: u32,
}

/// Who a program is.
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

/// Attaches a program before all others at a TCX hook of an interface in the calling thread's network namespace.
/// It stays while the returned link is open, or pinned.
pub(crate) fn attach_tcx_first(
    program: BorrowedFd<'_>,
    ifindex: u32,
    direction: Direction,
) -> io::Result<OwnedFd> {
    let mut attributes = LinkCreate {
        prog_fd: number(program),
        ifindex,
        attach_type: attach_type(direction),
        flags: BPF_F_BEFORE,
        relative: 0,
        padding: 0,
        expected_revision: 0,
    };
    // SAFETY: the command reads `LinkCreate`, which holds no pointers.
    let fd = unsafe { bpf(BPF_LINK_CREATE, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor (with close-on-exec) and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Detaches now, whoever else has the link open: a child between fork and exec has, for a moment.
pub(crate) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = LinkDetach {
        link_fd: number(link),
    };
    // SAFETY: the command reads `LinkDetach`, which holds no pointers.
    unsafe { bpf(BPF_LINK_DETACH, &mut attributes) }.map(drop)
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
        program_ids: address(&mut programs),
        count: 64,
        padding: 0,
        program_attach_flags: 0,
        link_ids: address(&mut links),
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

/// Who a program is.
pub(crate) fn identify(program: BorrowedFd<'_>) -> io::Result<ProgramIdentity> {
    let mut info = ProgramInfo::default();
    let mut attributes = InfoByFd {
        fd: number(program),
        length: size_of::<ProgramInfo>().try_into().unwrap_or(u32::MAX),
        info: address(&mut info),
    };
    // SAFETY: the command writes `length` bytes at most to `info`, which is that long and lives on. The pointers in
    // `info` are null and the lengths zero, so nothing is written through them.
    unsafe { bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attributes) }?;
    let end = info
        .name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(info.name.len());
    Ok(ProgramIdentity {
        id: info.id,
        name: String::from_utf8_lossy(&info.name[..end]).into_owned(),
    })
}

/// Opens a program by its id (needs `CAP_SYS_ADMIN`).
pub(crate) fn open_program(id: u32) -> io::Result<OwnedFd> {
    let mut attributes = ById {
        id,
        next_id: 0,
        open_flags: 0,
    };
    // SAFETY: the command reads `ById`, which holds no pointers.
    let fd = unsafe { bpf(BPF_PROG_GET_FD_BY_ID, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A descriptor as the kernel's structures have it.
fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn address<T>(value: &mut T) -> u64 {
    from_mut(value).expose_provenance() as u64
}

/// # Safety
/// `attributes` is what `command` reads, and every pointer in it is valid for what `command` does with it.
unsafe fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: `attributes` is readable and writable over its size; the rest is the caller's word.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, from_mut(attributes), size_of::<T>()) };
    match i32::try_from(result) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Programs for tests.
#[cfg(test)]
pub(crate) mod trial {
    use super::{FromRawFd, OwnedFd, address, bpf, io};

    /// `struct { .. }` of `BPF_PROG_LOAD` up to the name.
    #[repr(C)]
    struct ProgramLoad {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        name: [u8; 16],
    }

    /// Loads a classifier that lets every packet pass on to the next one (`TC_ACT_UNSPEC`).
    pub(crate) fn load_pass(name: &str) -> io::Result<OwnedFd> {
        const BPF_PROG_LOAD: libc::c_long = 5;
        const SCHED_CLS: u32 = 3;
        // r0 = -1; exit
        let mut instructions: [u64; 2] = [0xffff_ffff_0000_00b7, 0x0000_0000_0000_0095];
        let mut license = *b"GPL\0";
        let mut attributes = ProgramLoad {
            kind: SCHED_CLS,
            instruction_count: 2,
            instructions: address(&mut instructions),
            license: address(&mut license),
            log_level: 0,
            log_size: 0,
            log: 0,
            kernel_version: 0,
            flags: 0,
            name: [0; 16],
        };
        attributes.name[..name.len()].copy_from_slice(name.as_bytes());
        // SAFETY: the command reads two instructions and a string, both of which live on.
        let fd = unsafe { bpf(BPF_PROG_LOAD, &mut attributes) }?;
        // SAFETY: the kernel has just made this descriptor and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
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
        assert_eq!(
            (offset_of!(Query, program_ids), offset_of!(Query, count)),
            (16, 24)
        );
        assert_eq!(
            (size_of::<ProgramInfo>(), offset_of!(ProgramInfo, name)),
            (80, 64)
        );
        assert_eq!((size_of::<InfoByFd>(), offset_of!(InfoByFd, info)), (16, 8));
    }
}
