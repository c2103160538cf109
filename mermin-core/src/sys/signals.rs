//! Blocked signals. The kernel interrupts a long call when a signal for its thread arrives, and a profiler sends one every few
//! milliseconds.
#![expect(unsafe_code, reason = "a mask is the C library's")]

use std::{io, marker::PhantomData, mem::MaybeUninit, ptr};

/// Blocks signals for the current thread until it is dropped. Signals wait, or go to another thread.
#[derive(Debug)]
pub(super) struct BlockedSignals {
    before: libc::sigset_t,
    /// A mask belongs to one thread.
    _stays: PhantomData<*const ()>,
}

/// Signals that stay unblocked. SIGKILL, SIGSTOP and the signals of the C library (outside `sigfillset`) cannot be blocked.
///
/// The thread causes all but the last itself: by a fault, by a breakpoint, or by a system call that a seccomp filter traps, which
/// may be this bpf(2). If one were blocked, the kernel would kill the process without calling its handler. SIGABRT is abort(3)'s,
/// which some C libraries raise with the thread's mask.
const UNDELAYED: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// Blocks signals.
///
/// # Errors
/// The C library's; none for these arguments.
pub(super) fn block() -> io::Result<BlockedSignals> {
    let mut all = MaybeUninit::uninit();
    // SAFETY: `all` is initialised by the first call.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for signal in UNDELAYED {
            libc::sigdelset(all.as_mut_ptr(), signal);
        }
        all.assume_init()
    };
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets outlive the call.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, before.as_mut_ptr()) } {
        0 => Ok(BlockedSignals {
            // SAFETY: the call has written it.
            before: unsafe { before.assume_init() },
            _stays: PhantomData,
        }),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set outlives the call, and is one the thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    static TRAPPED: AtomicU32 = AtomicU32::new(0);
    static ASKED: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(signal: libc::c_int) {
        let counter = if signal == libc::SIGSYS {
            &TRAPPED
        } else {
            &ASKED
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn counted() -> [u32; 2] {
        [&TRAPPED, &ASKED].map(|counter| counter.load(Ordering::Relaxed))
    }

    #[test]
    fn all_events_wait_except_those_of_the_same_thread() {
        let handler = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
        let both = [libc::SIGSYS, libc::SIGUSR1];
        let raise_both = || {
            for signal in both {
                // SAFETY: the handler only counts.
                assert_eq!(unsafe { libc::raise(signal) }, 0);
            }
        };
        for signal in both {
            // SAFETY: the handler only counts, and no other test uses these signals.
            unsafe { libc::signal(signal, handler) };
        }
        let held = block().unwrap();
        raise_both();
        assert_eq!(counted(), [1, 0]);
        drop(held);
        assert_eq!(counted(), [1, 1]);
        raise_both();
        assert_eq!(counted(), [2, 2]);
    }
}
