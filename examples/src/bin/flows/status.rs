//! Standard error while flows are shown: a status line, redrawn on a terminal, and messages.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mermin_program::visible_lines;
use rustix::termios::tcgetwinsize;

/// Interval at which the line is redrawn on a terminal.
const REDRAWN: Duration = Duration::from_millis(500);
/// Interval at which the line is printed elsewhere, until a flow has ended. It is long, so that a log is not flooded.
const REPEATED: Duration = Duration::from_secs(10);
/// Longest time that writing flows takes. A status line drawn earlier would precede one of them.
const SETTLED: Duration = Duration::from_millis(100);
/// Most flows of a busy host end within this time, and then no status is needed.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Moves to the line's start and clears it (ECMA-48).
const CLEAR_LINE: &str = "\r\x1b[K";

/// Output that gets the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Any: a log too shows that a live capture waits for flows.
    Everywhere,
    /// Only terminals: the progress of a file is of no use in a log.
    OnTerminals,
}

/// State shared by the thread that shows flows and the thread that redraws the line.
#[derive(Debug)]
pub(crate) struct Status {
    terminal: bool,
    /// True if flows are shown on the same terminal.
    is_shared: bool,
    shown: Shown,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Instant,
    drawn: bool,
    over: bool,
}

impl State {
    fn clear(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "{CLEAR_LINE}");
            self.drawn = false;
        }
    }
}

impl Status {
    pub(crate) fn new(now: Instant, shown: Shown) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            terminal,
            is_shared: terminal && io::stdout().is_terminal(),
            shown,
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

    /// Shows `text` if it is due.
    pub(crate) fn refresh(&self, now: Instant, text: impl FnOnce() -> String) {
        let mut state = self.state();
        let is_hidden = self.shown == Shown::OnTerminals && !self.terminal;
        if state.over || now < state.next || is_hidden {
            return;
        }
        // An error of the status must not stop the program.
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

    /// Removes the line before flows are shown. On a terminal it comes back afterwards.
    pub(crate) fn make_room(&self, now: Instant) {
        let mut state = self.state();
        state.over |= !self.terminal;
        if self.is_shared {
            state.clear();
            state.next = state.next.max(now + SETTLED);
        }
    }

    /// Prints a message of any number of lines.
    pub(crate) fn say(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.state();
        state.clear();
        // An error of standard error must not stop the flows.
        let _ = io::stderr().write_all(visible_lines(text).as_bytes());
    }

    /// Removes the line for good.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.clear();
        state.over = true;
    }
}

/// Returns the number of columns that can be redrawn. A longer line would leave its beginning on the row above.
fn columns() -> usize {
    match tcgetwinsize(io::stderr()) {
        Ok(window) if window.ws_col > 0 => usize::from(window.ws_col) - 1,
        _ => 79,
    }
}

/// Formats the line.
pub(crate) fn waiting(open: u64, packets: u64, is_summed: bool) -> String {
    let shown = if is_summed {
        "sums show at the end (Ctrl-C)"
    } else {
        "each shows when it ends (Ctrl-C ends all)"
    };
    format!(
        "{open} {} open, {packets} {} seen; {shown}",
        plural(open, "flow"),
        plural(packets, "packet"),
    )
}

/// Returns the noun, in the plural unless the number is one.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flow_is_singular() {
        assert!(waiting(1, 0, false).starts_with("1 flow open, 0 packets seen"));
    }

    #[test]
    fn status_is_silent_before_its_delay_and_after_its_end() {
        let now = Instant::now();
        let status = Status::new(now, Shown::Everywhere);
        let unwanted = || -> String { panic!("asked for a text") };
        status.refresh(now, unwanted);
        status.end();
        status.refresh(now + PATIENCE, unwanted);
    }
}
