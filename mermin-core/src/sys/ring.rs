//! A ring buffer that the kernel program writes (`BPF_MAP_TYPE_RINGBUF`, Documentation/bpf/ringbuf.rst), read from its mappings.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use rustix::{
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
};

/// Octets before each record: its length with two flags, and a number for the kernel.
const HEADER: u64 = 8;
/// The record is being written.
const BUSY: u32 = 1 << 31;
/// The record is void.
const DISCARDED: u32 = 1 << 30;

/// A mapping that is unmapped when it is dropped.
#[derive(Debug)]
struct Pages {
    start: NonNull<u8>,
    length: usize,
}

impl Pages {
    fn new(map: BorrowedFd<'_>, length: usize, at: usize, access: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping, placed by the kernel.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                access,
                MapFlags::SHARED,
                map,
                at as u64,
            )
        }?;
        let start =
            NonNull::new(start.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Self { start, length })
    }

    /// The word at the start.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: a page begins with a word, which both sides change atomically.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The reading side. There is one.
#[derive(Debug)]
pub(crate) struct RingBuffer {
    consumer: Pages,
    /// The producer's position, and the records behind its page, twice in a row.
    producer: Pages,
    /// Octets of records, a power of two.
    size: usize,
}

// SAFETY: the memory is reached by pointer alone, and read only by whoever has the value to itself.
unsafe impl Send for RingBuffer {}
// SAFETY: as above: a shared reference reads nothing.
unsafe impl Sync for RingBuffer {}

impl RingBuffer {
    /// Maps a ring of so many octets.
    ///
    /// # Errors
    /// The kernel's: EINVAL if the ring is smaller, ENOMEM.
    pub(crate) fn new(map: BorrowedFd<'_>, size: usize) -> io::Result<Self> {
        let page = page_size();
        Ok(Self {
            consumer: Pages::new(map, page, 0, ProtFlags::READ | ProtFlags::WRITE)?,
            producer: Pages::new(map, page + 2 * size, page, ProtFlags::READ)?,
            size,
        })
    }

    /// Passes on each record that is complete at the time of the call, in order, and frees its room.
    pub(crate) fn read(&mut self, mut take: impl FnMut(&[u8])) {
        let end = self.producer.position().load(Ordering::Acquire);
        let mut at = self.consumer.position().load(Ordering::Relaxed);
        while at < end {
            let place = usize::try_from(at & (self.size as u64 - 1)).unwrap_or_default();
            // SAFETY: within the records' mapping, which repeats them, so that none is cut at the end.
            let record = unsafe { self.producer.start.as_ptr().add(page_size() + place) };
            // SAFETY: a record begins at a multiple of eight, with a word that both sides change atomically.
            let word = unsafe { AtomicU32::from_ptr(record.cast()) }.load(Ordering::Acquire);
            if word & BUSY != 0 {
                break;
            }
            let length = word & !(BUSY | DISCARDED);
            if word & DISCARDED == 0 && length as usize <= self.size {
                // SAFETY: a complete record; the kernel writes there again only behind the consumer's position.
                take(unsafe { std::slice::from_raw_parts(record.add(8), length as usize) });
            }
            at += (u64::from(length) + HEADER).next_multiple_of(8);
            self.consumer.position().store(at, Ordering::Release);
        }
    }
}
