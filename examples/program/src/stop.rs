//! Signals that end a program.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mermin_core::Handle;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Interval between two checks for a signal.
const TICK: Duration = Duration::from_millis(100);

/// Returns a flag that SIGINT and SIGTERM set. The second signal ends the process at once.
///
/// # Errors
/// The system call that installs a handler failed.
pub fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered first, so it runs first and sees only the flag of an earlier signal.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Closes the source on SIGINT and SIGTERM, so open flows are exported. The second signal ends the process at once.
///
/// # Errors
/// The system call that installs a handler or starts a thread failed.
pub fn close_on_signal(handle: Handle) -> io::Result<()> {
    let stop = stop_flag()?;
    thread::Builder::new()
        .name("stop".to_owned())
        .spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(TICK);
            }
            handle.close();
        })?;
    Ok(())
}
