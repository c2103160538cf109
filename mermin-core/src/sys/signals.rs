//! Signals that wait. The kernel gives up on a call that takes long when a signal comes for its thread, and a profiler sends one
//! every few milliseconds.
#![expect(unsafe_code, reason = "a mask is the C library's")]

use std::{io, marker::PhantomData, mem::MaybeUninit, ptr};

/// While it lives, signals wait for the thread that made it, or go to another one.
#[derive(Debug)]
pub(super) struct Held {
    before: libc::sigset_t,
    /// A mask is of one thread.
    _stays: PhantomData<*const ()>,
}

/// What a thread does to itself: these would kill the process without the words of its handler.
const OWN_FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
];

/// Lets signals wait.
///
/// # Errors
/// The C library's: none for these arguments.
pub(super) fn hold() -> io::Result<Held> {
    let mut all = MaybeUninit::uninit();
    // SAFETY: `all` is initialised by the first call.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in OWN_FAULTS {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        all.assume_init()
    };
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets outlive the call.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, before.as_mut_ptr()) } {
        0 => Ok(Held {
            // SAFETY: the call has written it.
            before: unsafe { before.assume_init() },
            _stays: PhantomData,
        }),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the set outlives the call, and is one the thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
    }
}
