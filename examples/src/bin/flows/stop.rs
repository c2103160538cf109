//! Signals: those that end the program, SIGHUP, and SIGUSR1.

use std::{
    fs::{self, File},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGUSR1},
    flag,
};

/// A flag that the first signal sets. The second signal ends the process at once.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Installs the handlers.
    ///
    /// # Errors
    /// The system call that installs a handler failed.
    pub(crate) fn on_signals() -> io::Result<Self> {
        Ok(Self(mermin_program::stop_flag()?))
    }

    /// Returns true if the program must end.
    pub(crate) fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the flag, as a signal does.
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Signals that request something while the program runs.
#[derive(Debug)]
pub(crate) struct Requests {
    hangup: Arc<AtomicBool>,
    progress: Arc<AtomicBool>,
    /// The process was started from a terminal.
    terminal: bool,
}

impl Requests {
    /// Installs the handlers. A program that must outlive its terminal, as with `nohup`, ignores SIGHUP.
    ///
    /// # Errors
    /// The system call that installs a handler failed.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let requests = Self {
            hangup: Arc::default(),
            progress: Arc::default(),
            terminal: has_terminal(),
        };
        if !is_ignored(SIGHUP) {
            flag::register(SIGHUP, Arc::clone(&requests.hangup))?;
        }
        flag::register(SIGUSR1, Arc::clone(&requests.progress))?;
        Ok(requests)
    }

    /// Returns the meaning of a SIGHUP since the last call: the terminal was closed, or the file must be read again.
    pub(crate) fn hangup(&self) -> Option<Hangup> {
        self.hangup.swap(false, Ordering::Relaxed).then(|| {
            if self.terminal && !has_terminal() {
                Hangup::Closed
            } else {
                Hangup::Reload
            }
        })
    }

    /// Returns true if a SIGUSR1 arrived since the last call.
    pub(crate) fn progress(&self) -> bool {
        self.progress.swap(false, Ordering::Relaxed)
    }
}

/// Meaning of a SIGHUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The terminal was closed.
    Closed,
    /// The configuration is to be read again: a process sent the signal.
    Reload,
}

/// Returns true if the process has a controlling terminal. A closed one cannot be opened.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Returns true if the process was started with the signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    ignored.is_some_and(|set| set >> (signal - 1) & 1 == 1)
}
