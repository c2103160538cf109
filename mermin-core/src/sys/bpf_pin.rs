//! bpf(2) as far as outliving a process needs it: pins, what a found map or link is, another program for a link.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    ffi::CString,
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use super::bpf_call::{Create, Element, address, address_mut, bpf, get_info, name_of, open, raw};

const MAP_CREATE: libc::c_int = 0;
const MAP_LOOKUP_ELEM: libc::c_int = 1;
const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
const MAP_LOOKUP_AND_DELETE_ELEM: libc::c_int = 21;
const LINK_UPDATE: libc::c_int = 29;

const MAP_TYPE_ARRAY: u32 = 2;
const MMAPABLE: u32 = 1 << 10;

/// `struct { .. }` of `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
#[repr(C)]
#[derive(Default)]
struct Object {
    path: u64,
    fd: u32,
    flags: u32,
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Gives an object a name in a BPF file system, which keeps it.
///
/// # Errors
/// The kernel's: EPERM where the directory is no BPF file system, EEXIST for a name that is taken.
pub(crate) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr = Object {
        path: address(path.as_bytes_with_nul()),
        fd: raw(object),
        flags: 0,
    };
    // SAFETY: the path outlives the call.
    unsafe { bpf(OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens what has a name in a BPF file system: a map, a program or a link.
///
/// # Errors
/// The kernel's.
pub(crate) fn get(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let mut attr = Object {
        path: address(path.as_bytes_with_nul()),
        ..Object::default()
    };
    // SAFETY: the path outlives the call, which makes a descriptor.
    unsafe { open(OBJ_GET, &mut attr) }
}

/// Properties by which a map can stand in for another: `struct bpf_map_info` up to the flags, without the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) entries: u32,
    pub(crate) flags: u32,
}

impl Shape {
    /// Of keys and values, without what the kernel adds.
    pub(crate) fn octets(self) -> u64 {
        (u64::from(self.key_size) + u64::from(self.value_size)) * u64::from(self.entries)
    }
}

/// `struct bpf_map_info` up to the name.
#[repr(C)]
#[derive(Default)]
pub(super) struct MapInfo {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
    pub(super) name: [u8; 16],
}

/// A map's shape. Of what is no map, some numbers that fit none.
///
/// # Errors
/// The kernel's.
pub(crate) fn shape(map: BorrowedFd<'_>) -> io::Result<Shape> {
    let mut info = MapInfo::default();
    // SAFETY: it is the beginning of the kernel's structure, without pointers.
    unsafe { get_info(map, &mut info) }?;
    Ok(Shape {
        kind: info.kind,
        key_size: info.key_size,
        value_size: info.value_size,
        entries: info.entries,
        flags: info.flags,
    })
}

/// Shape of an array that can be mapped.
pub(crate) fn array_shape(value_size: usize, entries: u32) -> Shape {
    Shape {
        kind: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: u32::try_from(value_size).unwrap_or(u32::MAX),
        entries,
        flags: MMAPABLE,
    }
}

/// Creates a map.
///
/// # Errors
/// The kernel's.
pub(crate) fn create(name: &str, shape: Shape) -> io::Result<OwnedFd> {
    let mut attr = Create {
        kind: shape.kind,
        key_size: shape.key_size,
        value_size: shape.value_size,
        entries: shape.entries,
        flags: shape.flags,
        name: name_of(name),
        ..Create::default()
    };
    // SAFETY: no pointers, and the command makes a descriptor.
    unsafe { open(MAP_CREATE, &mut attr) }
}

/// Takes the number off the top of a stack; `None` when it is empty.
///
/// # Errors
/// The kernel's.
pub(crate) fn pop(stack: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    let mut number = 0_u32;
    let mut attr = Element {
        map: raw(stack),
        value: address_mut(&mut number),
        ..Element::default()
    };
    // SAFETY: `number` outlives the call, and a stack's value is as large.
    let found = unsafe { bpf(MAP_LOOKUP_AND_DELETE_ELEM, &mut attr) };
    Ok(present(found)?.map(|_| number))
}

/// The number that a hash has for a key; `K` is the map's key, without padding.
///
/// # Errors
/// The kernel's.
pub(crate) fn look_up<K: Copy>(hash: BorrowedFd<'_>, key: &K) -> io::Result<Option<u32>> {
    let mut number = 0_u32;
    let mut attr = Element {
        map: raw(hash),
        key: address(key),
        value: address_mut(&mut number),
        ..Element::default()
    };
    // SAFETY: key and number outlive the call, and the map's value is as large.
    let found = unsafe { bpf(MAP_LOOKUP_ELEM, &mut attr) };
    Ok(present(found)?.map(|_| number))
}

fn present(found: io::Result<i32>) -> io::Result<Option<i32>> {
    match found {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        found => found.map(Some),
    }
}

/// Lets a link hold another program, from one packet to the next.
///
/// # Errors
/// The kernel's: ENOLINK when the interface has gone.
pub(crate) fn update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = [raw(link), raw(program), 0, 0];
    // SAFETY: no pointers.
    unsafe { bpf(LINK_UPDATE, &mut attr) }.map(drop)
}

/// An array that can be mapped, of `entries` values of `T`.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array_of<T>(name: &str, entries: u32) -> io::Result<OwnedFd> {
    create(name, array_shape(size_of::<T>(), entries))
}

const _: () = {
    assert!(size_of::<Object>() == 16);
    assert!(std::mem::offset_of!(MapInfo, name) == 24);
};

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn privileged<T>(made: io::Result<T>) -> Option<T> {
        match made {
            Ok(made) => Some(made),
            Err(error) => {
                eprintln!("skipped: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                None
            }
        }
    }

    #[test]
    fn a_map_has_the_shape_it_was_made_with() {
        let wanted = array_shape(24, 7);
        if let Some(map) = privileged(create("wanted", wanted)) {
            assert_eq!(shape(map.as_fd()).unwrap(), wanted);
        }
    }

    #[test]
    fn a_stack_is_popped_until_it_is_empty() {
        let shape = Shape {
            kind: 23,
            key_size: 0,
            value_size: 4,
            entries: 4,
            flags: 0,
        };
        let stack = create("stack", shape);
        if let Some(stack) = privileged(stack) {
            for number in [5, 6] {
                crate::sys::bpf::push(stack.as_fd(), number).unwrap();
            }
            let popped = [(); 3].map(|()| pop(stack.as_fd()).unwrap());
            assert_eq!(popped, [Some(6), Some(5), None]);
        }
    }
}
