//! Selects records, and shows each of them, the largest flows, or sums of groups.

use std::io::{self, BufWriter, IsTerminal as _};

use mermin_core::{Flow, flow::FlowId};
use mermin_program::Expression;
use rustix::io::Errno;

use crate::{
    args::{Format, Options},
    output::Output,
    sums::{Groups, Largest},
};

/// Records on their way to standard output.
#[derive(Debug)]
pub(crate) struct View {
    expression: Expression,
    shown: Shown,
    /// Records for which the expression does not hold.
    rejected: u64,
    reader: Reader,
}

/// The reader of standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// As of the start: a closed terminal no longer answers as one.
    is_terminal: bool,
}

#[derive(Debug)]
enum Shown {
    /// Each record as it arrives.
    Each(Output),
    /// At the end.
    Largest(Largest, Output),
    /// At the end.
    Groups {
        groups: Groups,
        top: Option<usize>,
        format: Format,
    },
}

impl Shown {
    /// Forgets that a flow is open: its last record is rejected.
    fn ended(&mut self, id: FlowId) {
        match self {
            Self::Each(_) => {}
            Self::Largest(largest, _) => largest.ended(id),
            Self::Groups { groups, .. } => groups.ended(id),
        }
    }
}

impl View {
    pub(crate) fn of(options: &Options) -> Self {
        let (top, format) = (options.top, options.format);
        let shown = match top {
            _ if !options.group_by.is_empty() => Shown::Groups {
                groups: Groups::new(options.group_by.clone()),
                top,
                format,
            },
            Some(most) => Shown::Largest(Largest::new(most), Output::new(format)),
            None => Shown::Each(Output::new(format)),
        };
        Self {
            expression: options.expression.clone(),
            shown,
            rejected: 0,
            reader: Reader {
                is_terminal: io::stdout().is_terminal(),
            },
        }
    }

    pub(crate) const fn rejected(&self) -> u64 {
        self.rejected
    }

    pub(crate) const fn reader(&self) -> Reader {
        self.reader
    }

    /// True if nothing is shown before the end.
    pub(crate) fn is_summed(&self) -> bool {
        !matches!(self.shown, Shown::Each(_))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Errors of standard output.
    pub(crate) fn take(&mut self, flow: Flow) -> io::Result<()> {
        if !self.expression.admits(&flow) {
            self.rejected += 1;
            if !flow.end_reason.goes_on() {
                self.shown.ended(flow.id);
            }
            return Ok(());
        }
        match &mut self.shown {
            Shown::Each(output) => return output.write(&flow),
            Shown::Largest(largest, _) => largest.add(flow),
            Shown::Groups { groups, .. } => groups.add(&flow),
        }
        Ok(())
    }

    /// Flushes written records.
    ///
    /// # Errors
    /// Errors of standard output.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.shown {
            Shown::Each(output) => output.flush(),
            Shown::Largest(..) | Shown::Groups { .. } => Ok(()),
        }
    }

    /// Shows the sums, if any, and ends the output.
    ///
    /// # Errors
    /// Errors of standard output.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.shown {
            Shown::Each(output) => output.finish(),
            Shown::Largest(largest, mut output) => {
                for flow in largest.into_flows() {
                    output.write(&flow)?;
                }
                output.finish()
            }
            Shown::Groups {
                groups,
                top,
                format,
            } => groups.print(top, format, BufWriter::new(io::stdout())),
        }
    }
}

impl Reader {
    /// Returns true if an error means that nobody reads any more: the pipe or the terminal was closed.
    pub(crate) fn is_gone(self, error: &io::Error) -> bool {
        let is_closed = error.raw_os_error() == Some(Errno::IO.raw_os_error());
        error.kind() == io::ErrorKind::BrokenPipe || is_closed && self.is_terminal
    }
}
