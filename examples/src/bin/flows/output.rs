//! Writes flows to standard output, in a format that fits the reader.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use mermin_core::{Flow, sink::JsonLines};
use rustix::{io::Errno, termios::tcgetwinsize};

use crate::table::{Size, Table};

/// One of three formats.
#[derive(Debug)]
pub(crate) enum Output {
    /// For programs.
    Json(JsonLines<BufWriter<Stdout>>),
    /// For people at a terminal.
    Table(BufWriter<Stdout>, Table),
    /// For files and pipes.
    Lines(BufWriter<Stdout>),
}

impl Output {
    /// Chooses JSON if requested, a table on a terminal, plain lines otherwise.
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let out = BufWriter::new(stdout);
        match (json, terminal) {
            (true, _) => Self::Json(JsonLines::new(out)),
            (false, true) => Self::Table(out, Table::default()),
            (false, false) => Self::Lines(out),
        }
    }

    /// # Errors
    /// The error of standard output.
    pub(crate) fn write(&mut self, flow: &Flow) -> io::Result<()> {
        match self {
            Self::Json(lines) => lines.write(flow),
            Self::Table(out, table) => out.write_all(table.lines(flow, size()).as_bytes()),
            Self::Lines(out) => writeln!(out, "{flow}"),
        }
    }

    /// Returns true if an error means that nobody reads any more: the pipe or the terminal was closed.
    pub(crate) fn is_left(&self, error: &io::Error) -> bool {
        let closed = error.raw_os_error() == Some(Errno::IO.raw_os_error());
        error.kind() == io::ErrorKind::BrokenPipe || closed && matches!(self, Self::Table(..))
    }

    /// # Errors
    /// The error of standard output.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Json(lines) => lines.flush(),
            Self::Table(out, _) | Self::Lines(out) => out.flush(),
        }
    }
}

/// Called before each line, because a window can be resized at any time. The call takes less than a microsecond.
fn size() -> Size {
    match tcgetwinsize(io::stdout()) {
        Ok(window) if window.ws_col > 0 => Size {
            columns: window.ws_col.into(),
            rows: window.ws_row.into(),
        },
        _ => Size::default(),
    }
}
