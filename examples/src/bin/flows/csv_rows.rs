//! Comma-separated values (RFC 4180): a column for each attribute, a row for each record.

use std::io;

use csv::{Writer, WriterBuilder};
use mermin_core::{Flow, flow::attributes::ALL};

use crate::value;

/// Writes records as rows, the names of all attributes before the first.
#[derive(Debug)]
pub(crate) struct CsvRows<W: io::Write> {
    writer: Writer<W>,
    /// Values of a row, by place in `ALL`; empty where an attribute is not known.
    row: Vec<String>,
}

impl<W: io::Write> CsvRows<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            writer: WriterBuilder::new().has_headers(false).from_writer(out),
            row: Vec::new(),
        }
    }

    /// # Errors
    /// Those of the writer below.
    pub(crate) fn write(&mut self, flow: &Flow) -> io::Result<()> {
        if self.row.is_empty() {
            self.write_names()?;
        }
        self.row.iter_mut().for_each(String::clear);
        let mut place = 0;
        // In the order of `ALL`. Added attributes have no column.
        flow.attributes().for_each(|(name, found)| {
            if let Some(ahead) = ALL[place..].iter().position(|it| it.name == name) {
                place += ahead;
                self.row[place] = value::text(&found);
            }
        });
        self.writer.write_record(&self.row).map_err(of_writer)
    }

    fn write_names(&mut self) -> io::Result<()> {
        self.row = vec![String::new(); ALL.len()];
        let names = ALL.iter().map(|it| it.name);
        self.writer.write_record(names).map_err(of_writer)
    }

    /// Writes the names if there was no record: a file without rows has columns as well.
    ///
    /// # Errors
    /// Those of the writer below.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.row.is_empty() {
            self.write_names()?;
        }
        self.flush()
    }

    /// # Errors
    /// Those of the writer below.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Returns the writer's own error, which tells if its reader is gone.
pub(crate) fn of_writer(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use mermin_core::flow::{Endpoint, FlowId, Interface, Protocol};

    use super::*;

    fn flow(interface: &str) -> Flow {
        Flow::new(
            FlowId::from_u128(7),
            Protocol::UDP,
            Endpoint::new([10, 0, 0, 1], 4000),
            Endpoint::new([10, 0, 0, 2], 53),
            Interface::new(2, interface),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn each_value_is_below_its_name() {
        let mut out = Vec::new();
        let mut rows = CsvRows::new(&mut out);
        rows.write(&flow("eth0")).unwrap();
        rows.write(&flow("a,\"b")).unwrap();
        rows.finish().unwrap();
        drop(rows);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(",\"a,\"\"b\","), "{text}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        assert_eq!(names.len(), ALL.len());
        let row = reader.records().next().unwrap().unwrap();
        for (name, expected) in [
            ("flow.id", "00000000000000000000000000000007"),
            ("source.address", "10.0.0.1"),
            ("destination.port", "53"),
            ("network.transport", "udp"),
            ("network.interface.name", "eth0"),
            ("network.interface.mac", ""),
        ] {
            let place = names.iter().position(|it| it == name).unwrap();
            assert_eq!(&row[place], expected, "{name}");
        }
    }

    #[test]
    fn closed_pipe_is_told_as_one() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut rows = CsvRows::new(Closed);
        let error = (0..10_000).find_map(|_| rows.write(&flow("eth0")).err());
        assert_eq!(error.unwrap().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn without_records_there_are_names() {
        let mut out = Vec::new();
        CsvRows::new(&mut out).finish().unwrap();
        assert!(out.starts_with(b"flow.id,"));
    }
}
