//! Signals that end the view.

use std::{
    io, process,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use mermin_program::when_raised;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::terminal::give_back;

/// Time for the view to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// A flag that SIGINT, SIGTERM and SIGHUP raise. Two seconds later the process ends if the view has not: reading keys from a
/// closed terminal need not return (crossterm 0.29 reads its end again and again).
///
/// # Errors
/// The system call that installs a handler, or that starts a thread.
pub(crate) fn on_signal() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    when_raised(Arc::clone(&stop), || {
        thread::sleep(PATIENCE);
        give_back();
        process::exit(1);
    })?;
    Ok(stop)
}
