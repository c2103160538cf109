//! The bpf(2) call itself, and the parts of its argument that several commands share.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    mem::size_of,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

const MAP_UPDATE_ELEM: libc::c_int = 2;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;

/// Calls bpf(2) with the part of `union bpf_attr` that `attr` stands for.
///
/// # Safety
/// Every pointer in `attr` is valid for what `command` does with it.
pub(super) unsafe fn bpf<T>(command: libc::c_int, attr: &mut T) -> io::Result<i32> {
    let attr = ptr::from_mut(attr);
    // SAFETY: `attr` is valid for its size; the rest is the caller's contract.
    let status = unsafe { libc::syscall(libc::SYS_bpf, command, attr, size_of::<T>()) };
    match i32::try_from(status) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Calls bpf(2) for a command that makes a descriptor (with close-on-exec).
///
/// # Safety
/// As [`bpf`], and `command` makes a descriptor.
pub(super) unsafe fn open<T>(command: libc::c_int, attr: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: by the contract above; the kernel has just made the descriptor, and nobody else knows it.
    unsafe { bpf(command, attr).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// A descriptor as the kernel's structures have it.
pub(super) fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Where the kernel may read.
pub(super) fn address<T: ?Sized>(of: &T) -> u64 {
    ptr::from_ref(of).cast::<u8>().expose_provenance() as u64
}

/// Where the kernel may write.
pub(super) fn address_mut<T: ?Sized>(of: &mut T) -> u64 {
    ptr::from_mut(of).cast::<u8>().expose_provenance() as u64
}

/// `struct { .. }` of the commands on one element of a map.
#[repr(C)]
#[derive(Default)]
pub(super) struct Element {
    pub(super) map: u32,
    pub(super) padding: u32,
    pub(super) key: u64,
    pub(super) value: u64,
    pub(super) flags: u64,
}

/// Sets an element of a map; the key of a stack, which has none, is 0.
///
/// # Safety
/// `key` and `value` are addresses of as many octets as the map's keys and values have.
pub(super) unsafe fn set(map: BorrowedFd<'_>, key: u64, value: u64) -> io::Result<()> {
    let mut attr = Element {
        map: raw(map),
        key,
        value,
        ..Element::default()
    };
    // SAFETY: by the contract above.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// `struct { .. }` of `BPF_MAP_CREATE`, up to the name.
#[repr(C)]
#[derive(Default)]
pub(super) struct Create {
    pub(super) kind: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) entries: u32,
    pub(super) flags: u32,
    pub(super) inner: u32,
    pub(super) numa_node: u32,
    pub(super) name: [u8; NAME],
}

/// Octets of a name as the kernel keeps it: at least one is a zero.
const NAME: usize = 16;

/// The first 15 octets of a name, as the kernel takes it.
pub(super) fn name_of(name: &str) -> [u8; NAME] {
    let mut octets = [0; NAME];
    for (octet, of) in octets.iter_mut().zip(name.bytes().take(NAME - 1)) {
        *octet = of;
    }
    octets
}

/// `struct { .. }` of `BPF_PROG_LOAD`, up to the name.
#[repr(C)]
#[derive(Default)]
pub(super) struct Load {
    pub(super) kind: u32,
    pub(super) instruction_count: u32,
    pub(super) instructions: u64,
    pub(super) license: u64,
    pub(super) log_level: u32,
    pub(super) log_size: u32,
    pub(super) log: u64,
    pub(super) kernel_version: u32,
    pub(super) flags: u32,
    pub(super) name: [u8; NAME],
}

/// `struct { .. } info`.
#[repr(C)]
struct InfoByFd {
    fd: u32,
    length: u32,
    info: u64,
}

/// The kernel's description of an object.
///
/// # Safety
/// `T` is the beginning of the kernel's structure for that kind of object; pointers in `info` are as long as it says.
pub(super) unsafe fn get_info<T>(of: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let mut attr = InfoByFd {
        fd: raw(of),
        length: u32::try_from(size_of::<T>()).map_err(io::Error::other)?,
        info: address_mut(info),
    };
    // SAFETY: `info` is as long as said and lives on; the rest is the caller's contract.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

/// A name as the kernel keeps it: up to 15 octets and a zero.
pub(super) fn name(octets: &[u8]) -> String {
    let end = octets.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(&octets[..end.unwrap_or(octets.len())]).into_owned()
}
