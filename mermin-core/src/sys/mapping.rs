//! Memory shared with the kernel program.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{io, marker::PhantomData, mem::size_of, os::fd::BorrowedFd, ptr::NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// An array map's values, mapped. Every access is to one element, through a pointer, because the kernel writes there.
#[derive(Debug)]
pub(crate) struct Mapping<T> {
    start: NonNull<T>,
    length: usize,
    bytes: usize,
    values: PhantomData<T>,
}

// SAFETY: the memory is reached by pointer alone, in whole words, from any thread.
unsafe impl<T> Send for Mapping<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Mapping<T> {}

impl<T: Copy> Mapping<T> {
    /// Maps `length` values of a map made with `BPF_F_MMAPABLE` whose value is a `T`.
    ///
    /// # Errors
    /// The kernel's: EINVAL if the map is smaller, ENOMEM.
    pub(crate) fn new(map: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        // The kernel rounds each value up to eight octets.
        debug_assert!(size_of::<T>().is_multiple_of(8));
        let bytes = size_of::<T>() * length;
        // SAFETY: a new mapping, placed by the kernel.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map,
                0,
            )
        }?;
        let start =
            NonNull::new(start.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Self {
            start,
            length,
            bytes,
            values: PhantomData,
        })
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Address of a value. An index past the end gives the last value, so no index leads outside.
    pub(crate) fn at(&self, index: usize) -> *mut T {
        debug_assert!(index < self.length);
        // SAFETY: within the mapping.
        unsafe { self.start.as_ptr().add(index.min(self.length - 1)) }
    }

    /// Copies a value. Each word is copied whole; two words may be of different moments.
    pub(crate) fn read(&self, index: usize) -> T {
        // SAFETY: within the mapping, aligned, and any bytes are a valid `T` (`T` is plain data of the ABI).
        unsafe { self.at(index).read_volatile() }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
