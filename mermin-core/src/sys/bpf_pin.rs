//! bpf(2) for state that outlives a process: pins, properties of found maps and links, another program for a link.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    ffi::CString,
    io,
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use aya_obj::generated::{
    BPF_F_MMAPABLE, bpf_cmd, bpf_map_info,
    bpf_map_type::{BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_RINGBUF},
};

use super::bpf_call::{address, address_mut, blank, bpf, element, info, name_of, open, raw};

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Pins an object: the name in a BPF file system keeps it.
///
/// # Errors
/// The kernel's: EPERM if the directory is no BPF file system, EEXIST if the name is taken.
pub(crate) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr = blank();
    attr.__bindgen_anon_4.pathname = address(path.as_bytes_with_nul());
    attr.__bindgen_anon_4.bpf_fd = raw(object);
    // SAFETY: the path outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens a pinned object: a map, a program or a link.
///
/// # Errors
/// The kernel's.
pub(crate) fn get(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let mut attr = blank();
    attr.__bindgen_anon_4.pathname = address(path.as_bytes_with_nul());
    // SAFETY: the path outlives the call, which makes a descriptor.
    unsafe { open(bpf_cmd::BPF_OBJ_GET, &mut attr) }
}

/// Properties that a map must share with another to replace it: `struct bpf_map_info` up to the flags, without the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) entries: u32,
    pub(crate) flags: u32,
}

impl Shape {
    /// Octets of keys and values, without the kernel's padding.
    pub(crate) fn octets(self) -> u64 {
        (u64::from(self.key_size) + u64::from(self.value_size)) * u64::from(self.entries)
    }
}

/// Returns a map's shape. For other objects the numbers fit no map.
///
/// # Errors
/// The kernel's.
pub(crate) fn shape(map: BorrowedFd<'_>) -> io::Result<Shape> {
    let info: bpf_map_info = info(map)?;
    Ok(Shape {
        kind: info.type_,
        key_size: info.key_size,
        value_size: info.value_size,
        entries: info.max_entries,
        flags: info.map_flags,
    })
}

/// Tells if a map was made with this name, of which the kernel keeps 15 octets.
///
/// # Errors
/// The kernel's.
pub(crate) fn is_named(map: BorrowedFd<'_>, wanted: &str) -> io::Result<bool> {
    let info: bpf_map_info = info(map)?;
    Ok(info.name == name_of(wanted))
}

/// Shape of an array that can be mapped.
pub(crate) fn array_shape(value_size: usize, entries: u32) -> Shape {
    Shape {
        kind: BPF_MAP_TYPE_ARRAY as u32,
        key_size: 4,
        value_size: u32::try_from(value_size).unwrap_or(u32::MAX),
        entries,
        flags: BPF_F_MMAPABLE,
    }
}

/// Shape of a ring buffer of so many octets.
pub(crate) fn ring_shape(octets: u32) -> Shape {
    Shape {
        kind: BPF_MAP_TYPE_RINGBUF as u32,
        key_size: 0,
        value_size: 0,
        entries: octets,
        flags: 0,
    }
}

/// Creates a map.
///
/// # Errors
/// The kernel's.
pub(crate) fn create(name: &str, shape: Shape) -> io::Result<OwnedFd> {
    let mut attr = blank();
    attr.__bindgen_anon_1.map_type = shape.kind;
    attr.__bindgen_anon_1.key_size = shape.key_size;
    attr.__bindgen_anon_1.value_size = shape.value_size;
    attr.__bindgen_anon_1.max_entries = shape.entries;
    attr.__bindgen_anon_1.map_flags = shape.flags;
    attr.__bindgen_anon_1.map_name = name_of(name);
    // SAFETY: no addresses, and the command makes a descriptor.
    unsafe { open(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
}

/// Reads the value of a key in a map; `K` and `V` are the map's key and value, without padding, and any octets are a value.
///
/// # Errors
/// The kernel's.
pub(crate) fn look_up<K: Copy, V: Copy>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    let mut value = MaybeUninit::<V>::uninit();
    let place = address_mut(&mut value);
    // SAFETY: key and value outlive the call, and the map's are as large.
    let found = unsafe { element(bpf_cmd::BPF_MAP_LOOKUP_ELEM, map, address(key), place) };
    // SAFETY: where there is one, the kernel has written the whole value.
    Ok(present(found)?.map(|()| unsafe { value.assume_init() }))
}

fn present(found: io::Result<()>) -> io::Result<Option<()>> {
    match found {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        found => found.map(Some),
    }
}

/// Exchanges the program of a link, from one packet to the next.
///
/// # Errors
/// The kernel's: ENOLINK if the interface no longer exists.
pub(crate) fn update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = blank();
    attr.link_update.link_fd = raw(link);
    attr.link_update.__bindgen_anon_1.new_prog_fd = raw(program);
    // SAFETY: no addresses.
    unsafe { bpf(bpf_cmd::BPF_LINK_UPDATE, &mut attr) }.map(drop)
}

/// Creates a mappable array of `entries` values of `T`.
///
/// # Errors
/// The kernel's.
pub(crate) fn create_array_of<T>(name: &str, entries: u32) -> io::Result<OwnedFd> {
    create(name, array_shape(size_of::<T>(), entries))
}

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
    fn map_has_the_sizes_it_was_created_with() {
        let wanted = array_shape(24, 7);
        if let Some(map) = privileged(create("wanted", wanted)) {
            assert_eq!(shape(map.as_fd()).unwrap(), wanted);
        }
    }
}
