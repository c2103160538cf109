//! Writes flows to standard output, in a format that fits the reader.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use mermin_core::{Flow, sink::JsonLines};
use mermin_program::visible;
use rustix::termios::tcgetwinsize;

use crate::{
    args::Format,
    csv_rows::CsvRows,
    table::{Size, Table},
};

/// One of four formats.
#[derive(Debug)]
pub(crate) enum Output {
    /// For programs.
    Json(JsonLines<BufWriter<Stdout>>),
    /// For spreadsheets.
    Csv(Box<CsvRows<Stdout>>),
    /// For people at a terminal.
    Table(BufWriter<Stdout>, Table),
    /// For files and pipes.
    Lines(BufWriter<Stdout>),
}

impl Output {
    /// Chooses a table on a terminal and plain lines elsewhere, unless another format is requested.
    pub(crate) fn new(format: Format) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        match format {
            Format::Json => Self::Json(JsonLines::new(BufWriter::new(stdout))),
            Format::Csv => Self::Csv(Box::new(CsvRows::new(stdout))),
            Format::Plain if is_terminal => Self::Table(BufWriter::new(stdout), Table::default()),
            Format::Plain => Self::Lines(BufWriter::new(stdout)),
        }
    }

    /// # Errors
    /// The error of standard output.
    pub(crate) fn write(&mut self, flow: &Flow) -> io::Result<()> {
        match self {
            Self::Json(lines) => lines.write(flow),
            Self::Csv(rows) => rows.write(flow),
            Self::Table(out, table) => out.write_all(table.lines(flow, size()).as_bytes()),
            Self::Lines(out) => writeln!(out, "{}", visible(&flow.to_string())),
        }
    }

    /// # Errors
    /// The error of standard output.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Json(lines) => lines.flush(),
            Self::Csv(rows) => rows.flush(),
            Self::Table(out, _) | Self::Lines(out) => out.flush(),
        }
    }

    /// Ends the output: a CSV file without records has its header.
    ///
    /// # Errors
    /// The error of standard output.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match &mut self {
            Self::Csv(rows) => rows.finish(),
            _ => self.flush(),
        }
    }
}

/// Returns the size of the terminal. Called before each line, because a window can be resized at any time. The call takes
/// less than a microsecond.
fn size() -> Size {
    match tcgetwinsize(io::stdout()) {
        Ok(window) if window.ws_col > 0 => Size {
            columns: window.ws_col.into(),
            rows: window.ws_row.into(),
        },
        _ => Size::default(),
    }
}
