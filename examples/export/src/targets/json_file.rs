//! Writes JSON lines to a file. Lines are complete, even on a full disk.

use std::path::PathBuf;

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, JsonLines},
};
use mermin_program::Appended;

/// Appends lines. Its calls block, so it needs a thread of its own.
pub(crate) struct JsonFile {
    file: Appended,
    lines: JsonLines<Vec<u8>>,
}

impl JsonFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            file: Appended::new(path),
            lines: JsonLines::new(Vec::new()),
        }
    }
}

impl FlowSink for JsonFile {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let mut lines = std::mem::replace(&mut self.lines, JsonLines::new(Vec::new()));
        lines.export(flows).await?;
        let mut octets = lines.into_inner();
        let written = self.file.append(&octets);
        octets.clear();
        self.lines = JsonLines::new(octets);
        Ok(written?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(self.file.close()?)
    }
}
