//! A mark that identifies the process that set it: memory of which a forked child has a wiped copy (`MADV_WIPEONFORK`, Linux
//! 4.14).
//!
//! A process id is not enough: in a PID namespace of its own, a child can have the id of its parent.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::{
    io,
    ptr::NonNull,
    sync::atomic::{AtomicU8, Ordering},
};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// The kernel rounds it up to a page.
const LENGTH: usize = 1;
const MADE_HERE: u8 = 1;

/// The mark, until dropped.
#[derive(Debug)]
pub(crate) struct ProcessMark {
    page: NonNull<AtomicU8>,
}

// SAFETY: the memory is one atomic octet, which is never written again.
unsafe impl Send for ProcessMark {}
// SAFETY: as above.
unsafe impl Sync for ProcessMark {}

impl ProcessMark {
    /// Marks the calling process.
    ///
    /// # Errors
    /// The kernel's: ENOMEM; EINVAL if it has no `MADV_WIPEONFORK`.
    pub(crate) fn new() -> io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, placed by the kernel.
        let page =
            unsafe { mmap_anonymous(std::ptr::null_mut(), LENGTH, access, MapFlags::PRIVATE) }?;
        let page =
            NonNull::new(page.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        let mark = Self { page };
        // SAFETY: the mapping is this value's own, and so far nothing is in it.
        unsafe { madvise(page.as_ptr().cast(), LENGTH, Advice::LinuxWipeOnFork) }?;
        mark.octet().store(MADE_HERE, Ordering::Release);
        Ok(mark)
    }

    /// True if the calling process is a fork of the one that set the mark.
    pub(crate) fn is_inherited(&self) -> bool {
        self.octet().load(Ordering::Acquire) != MADE_HERE
    }

    fn octet(&self) -> &AtomicU8 {
        // SAFETY: zeroed memory of this value's own, which is accessed in no other way.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for ProcessMark {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own.
        let _ = unsafe { munmap(self.page.as_ptr().cast(), LENGTH) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forked_child_detects_its_parents_mark() {
        let mark = ProcessMark::new().unwrap();
        assert!(!mark.is_inherited());
        // SAFETY: the child reads one octet and ends, without a lock or memory of the allocator.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let inherited = mark.is_inherited();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if inherited { 42 } else { 1 }) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 42);
        assert!(!mark.is_inherited());
    }
}
