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

/// How soon a signal is noticed.
const TICK: Duration = Duration::from_millis(100);

/// A flag that SIGINT and SIGTERM raise; the second signal ends the process at once.
///
/// # Errors
/// The system call that installs a handler.
pub fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered first, so it runs first and finds the flag of an earlier signal only.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Runs `action` on a thread of its own once the flag is raised.
///
/// # Errors
/// The system call that starts a thread.
pub fn when_raised(
    stop: Arc<AtomicBool>,
    action: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new()
        .name("stop".to_owned())
        .spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(TICK);
            }
            action();
        })?;
    Ok(())
}

/// Closes the source on SIGINT and SIGTERM, so that open flows are exported; the second signal ends the process at once.
///
/// # Errors
/// The system call that installs a handler, or that starts a thread.
pub fn close_on_signal(handle: Handle) -> io::Result<()> {
    when_raised(stop_flag()?, move || handle.close())
}
