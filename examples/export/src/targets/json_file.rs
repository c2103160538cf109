//! JSON lines in a file: whole ones, also when the disk is full.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, JsonLines},
};

/// Appends lines. A line that a full disk cut is removed. Its calls block: it belongs into a thread.
pub(crate) struct JsonFile {
    path: PathBuf,
    /// The file, and where its last whole line ends.
    open: Option<(File, u64)>,
    lines: JsonLines<Vec<u8>>,
}

impl JsonFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            lines: JsonLines::new(Vec::new()),
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let (file, end) = match &mut self.open {
            Some(open) => open,
            none => {
                let mut file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&self.path)?;
                let end = file.seek(SeekFrom::End(0))?;
                none.insert((file, end))
            }
        };
        let written = file.write_all(octets);
        match written {
            Ok(()) => *end += octets.len() as u64,
            Err(_) => {
                if file.set_len(*end).is_err() {
                    // The next opening shows where it ends.
                    self.open = None;
                }
            }
        }
        written
    }
}

impl FlowSink for JsonFile {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let mut lines = std::mem::replace(&mut self.lines, JsonLines::new(Vec::new()));
        lines.export(flows).await?;
        let mut octets = lines.into_inner();
        let written = self.write(&octets);
        octets.clear();
        self.lines = JsonLines::new(octets);
        written
            .map_err(|error| format!("cannot write to `{}`: {error}", self.path.display()).into())
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        match self.open.take() {
            Some((file, _)) => Ok(file.sync_all()?),
            None => Ok(()),
        }
    }
}
