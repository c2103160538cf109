//! The bpf(2) call itself. The kernel's structures and numbers are those of aya-obj, made from its headers; the unnamed
//! parts of `union bpf_attr` are numbered in the header's order.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    ffi::c_char,
    io,
    mem::{MaybeUninit, size_of},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use aya_obj::generated::{bpf_attr, bpf_cmd, bpf_link_info, bpf_map_info, bpf_prog_info};

/// An argument of zeroes.
pub(super) fn blank() -> bpf_attr {
    // SAFETY: all of its parts are numbers, of which zeroes are one.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Calls bpf(2).
///
/// # Safety
/// Every address in `attr` is valid for the accesses of `command`.
pub(super) unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i32> {
    let attr = ptr::from_mut(attr);
    // SAFETY: `attr` is valid for its size; the rest is the caller's contract.
    let status =
        unsafe { libc::syscall(libc::SYS_bpf, command as u32, attr, size_of::<bpf_attr>()) };
    match i32::try_from(status) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Calls bpf(2) for a command that returns a descriptor (with close-on-exec).
///
/// # Safety
/// As [`bpf`], and `command` returns a descriptor.
pub(super) unsafe fn open(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: by the contract above; the kernel has just made the descriptor, and nobody else knows it.
    unsafe { bpf(command, attr).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Opens a program or a map by its id.
///
/// # Errors
/// The kernel's: EPERM without `CAP_SYS_ADMIN`, ENOENT if it no longer exists.
pub(super) fn open_id(command: bpf_cmd, id: u32) -> io::Result<OwnedFd> {
    let mut attr = blank();
    attr.__bindgen_anon_6.__bindgen_anon_1.start_id = id;
    // SAFETY: no addresses, and the `*_GET_FD_BY_ID` commands make a descriptor.
    unsafe { open(command, &mut attr) }
}

/// A descriptor in the form of the kernel's structures.
pub(super) fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// An address that the kernel reads.
pub(super) fn address<T: ?Sized>(of: &T) -> u64 {
    ptr::from_ref(of).cast::<u8>().expose_provenance() as u64
}

/// An address that the kernel writes.
pub(super) fn address_mut<T: ?Sized>(of: &mut T) -> u64 {
    ptr::from_mut(of).cast::<u8>().expose_provenance() as u64
}

/// Sets an element of a map; the key of a stack, which has none, is 0.
///
/// # Safety
/// `key` and `value` are addresses of as many octets as the map's keys and values have.
pub(super) unsafe fn set(map: BorrowedFd<'_>, key: u64, value: u64) -> io::Result<()> {
    // SAFETY: by the contract above.
    unsafe { element(bpf_cmd::BPF_MAP_UPDATE_ELEM, map, key, value) }
}

/// A command on one element of a map.
///
/// # Safety
/// `key` and `value` are valid for the accesses of `command`.
pub(super) unsafe fn element(
    command: bpf_cmd,
    map: BorrowedFd<'_>,
    key: u64,
    value: u64,
) -> io::Result<()> {
    let mut attr = blank();
    attr.__bindgen_anon_2.map_fd = raw(map);
    attr.__bindgen_anon_2.key = key;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value;
    // SAFETY: by the contract above.
    unsafe { bpf(command, &mut attr) }.map(drop)
}

/// The kernel's description of a kind of object.
///
/// # Safety
/// Any octets are a value of it.
pub(super) unsafe trait Info {}

// SAFETY: numbers, as are those below.
unsafe impl Info for bpf_link_info {}
// SAFETY: as above.
unsafe impl Info for bpf_map_info {}
// SAFETY: as above.
unsafe impl Info for bpf_prog_info {}

/// The description of an object.
///
/// # Errors
/// The kernel's.
pub(super) fn info<T: Info>(of: BorrowedFd<'_>) -> io::Result<T> {
    // SAFETY: nothing is filled in.
    unsafe { info_into(of, |_| ()) }
}

/// The same, with places for the kernel to write lists to.
///
/// # Safety
/// Addresses that `fill` stores are valid for the lengths that it stores.
pub(super) unsafe fn info_into<T: Info>(
    of: BorrowedFd<'_>,
    fill: impl FnOnce(&mut T),
) -> io::Result<T> {
    let mut info = MaybeUninit::<T>::zeroed();
    // SAFETY: any octets are a value.
    fill(unsafe { info.assume_init_mut() });
    let mut attr = blank();
    attr.info.bpf_fd = raw(of);
    attr.info.info_len = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    attr.info.info = address_mut(&mut info);
    // SAFETY: `info` is as long as said and lives on; what is in it is the caller's contract.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
    // SAFETY: any octets are a value.
    Ok(unsafe { info.assume_init() })
}

/// Octets of a name in the kernel, with at least one zero.
const NAME: usize = 16;

/// The first 15 octets of a name, and a zero.
pub(super) fn name_of(name: &str) -> [c_char; NAME] {
    let mut characters = [0; NAME];
    for (character, octet) in characters.iter_mut().zip(name.bytes().take(NAME - 1)) {
        *character = c_char::from_ne_bytes([octet]);
    }
    characters
}

/// A name in the kernel: up to 15 octets and a zero.
pub(super) fn name(characters: &[c_char; NAME]) -> String {
    let octets = characters.map(|character| character.to_ne_bytes()[0]);
    let end = octets.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(&octets[..end.unwrap_or(NAME)]).into_owned()
}
