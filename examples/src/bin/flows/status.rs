//! The line on standard error that says something is happening while no flow has ended yet.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::termios::tcgetwinsize;

/// On a terminal the line is drawn over again this often.
const REDRAWN: Duration = Duration::from_millis(500);
/// Elsewhere it is printed again this often, so that a log is not flooded.
const REPEATED: Duration = Duration::from_secs(10);
/// Most flows of a busy host end within this, and then there is nothing to say.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Moves to the line's start and clears it (ECMA-48).
const CLEAR_LINE: &str = "\r\x1b[K";

/// Shared by who shows flows and who keeps the line fresh.
#[derive(Debug)]
pub(crate) struct Status {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Instant,
    drawn: bool,
    over: bool,
}

impl Status {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            state: Mutex::new(State {
                next: now + PATIENCE,
                drawn: false,
                over: false,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows `text` where it is time to and no flow has been shown.
    pub(crate) fn refresh(&self, now: Instant, text: impl FnOnce() -> String) {
        let mut state = self.state();
        if state.over || now < state.next {
            return;
        }
        // A status nobody can see is no reason to stop.
        if self.terminal {
            let text: String = text().chars().take(columns()).collect();
            let _ = write!(io::stderr(), "{CLEAR_LINE}{text}");
            state.drawn = true;
            state.next = now + REDRAWN;
        } else {
            let _ = writeln!(io::stderr(), "{}", text());
            state.next = now + REPEATED;
        }
    }

    /// A flow is about to be shown, or all is done: the line goes and does not come back.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        if state.drawn {
            let _ = write!(io::stderr(), "{CLEAR_LINE}");
            state.drawn = false;
        }
        state.over = true;
    }
}

/// How much of a line can be drawn over again: a longer one would leave its head on the row above.
fn columns() -> usize {
    match tcgetwinsize(io::stderr()) {
        Ok(window) if window.ws_col > 0 => usize::from(window.ws_col) - 1,
        _ => 79,
    }
}

/// What the line says.
pub(crate) fn waiting(open: u64, packets: u64) -> String {
    format!(
        "{open} {} open, {packets} {} seen; each shows when it ends (Ctrl-C ends all)",
        plural(open, "flow"),
        plural(packets, "packet"),
    )
}

/// The noun with an s where there is not one of it.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flow_is_no_flows() {
        assert!(waiting(1, 0).starts_with("1 flow open, 0 packets seen"));
    }

    #[test]
    fn nothing_is_said_early_or_late() {
        let now = Instant::now();
        let status = Status::new(now);
        let unwanted = || -> String { panic!("asked for a text") };
        status.refresh(now, unwanted);
        status.end();
        status.refresh(now + PATIENCE, unwanted);
    }
}
