//! membarrier(2): the command that waits until every program run that began earlier has ended.
#![expect(unsafe_code, reason = "system calls take pointers")]

use std::io;

const QUERY: libc::c_int = 0;
const GLOBAL: libc::c_int = 1;

fn membarrier(command: libc::c_int) -> io::Result<i64> {
    // SAFETY: takes three integers.
    let status = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(status)
    }
}

/// True if the kernel offers `MEMBARRIER_CMD_GLOBAL` (not with `nohz_full`, nor where seccomp denies it).
pub(crate) fn is_offered() -> bool {
    membarrier(QUERY).is_ok_and(|commands| commands & i64::from(GLOBAL) != 0)
}

/// Waits for an RCU grace period: 6-20 ms, over 100 under load.
///
/// # Errors
/// Those of membarrier(2).
pub(crate) fn wait() -> io::Result<()> {
    membarrier(GLOBAL).map(drop)
}
