//! Signals that end the view.

use std::{
    io, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::terminal::give_back;

/// Interval between two checks for a signal.
const TICK: Duration = Duration::from_millis(100);
/// Time that the view has to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns a flag that SIGINT, SIGTERM and SIGHUP set. The process ends if the view does not end within two seconds:
/// reading keys from a closed terminal may not return (crossterm 0.29 reads its end again and again).
///
/// # Errors
/// The system call that installs a handler or starts a thread failed.
pub(crate) fn on_signal() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let raised = Arc::clone(&stop);
    thread::Builder::new()
        .name("stop".to_owned())
        .spawn(move || {
            while !raised.load(Ordering::Relaxed) {
                thread::sleep(TICK);
            }
            thread::sleep(PATIENCE);
            give_back();
            process::exit(1);
        })?;
    Ok(stop)
}
