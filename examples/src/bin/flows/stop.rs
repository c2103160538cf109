//! Signals: those that end it, the one that asks for news of the file, and the one that asks how it is going.

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

/// Raised by the first signal; the second one ends the process at once.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system call that installs a handler.
    pub(crate) fn on_signals() -> io::Result<Self> {
        Ok(Self(mermin_program::stop_flag()?))
    }

    /// True if it is time to end.
    pub(crate) fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// As a signal does.
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Requests by signals while it goes on.
#[derive(Debug)]
pub(crate) struct Requests {
    hangup: Arc<AtomicBool>,
    progress: Arc<AtomicBool>,
    /// It was started from a terminal.
    terminal: bool,
}

impl Requests {
    /// Listens from now on. A program that is to outlive its terminal, as by `nohup`, does not hear of its end.
    ///
    /// # Errors
    /// The system call that installs a handler.
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

    /// Meaning of a SIGHUP since the last look: its terminal was closed, or somebody wants the file read again.
    pub(crate) fn hangup(&self) -> Option<Hangup> {
        self.hangup.swap(false, Ordering::Relaxed).then(|| {
            if self.terminal && !has_terminal() {
                Hangup::Closed
            } else {
                Hangup::Reload
            }
        })
    }

    /// True if a SIGUSR1 came since the last look.
    pub(crate) fn progress(&self) -> bool {
        self.progress.swap(false, Ordering::Relaxed)
    }
}

/// Why SIGHUP came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The terminal is gone.
    Closed,
    /// The configuration is to be read again: a process sent the signal.
    Reload,
}

/// True if the process has a terminal that controls it; none that was closed can be opened.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// True if the process was started so that a signal does nothing.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    ignored.is_some_and(|set| set >> (signal - 1) & 1 == 1)
}
