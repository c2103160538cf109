//! Writes JSON lines to a file. Lines are complete, even on a full disk.

use std::path::PathBuf;

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, JsonBuffer},
};
use mermin_program::Appended;

/// Appends lines. Its calls block, so it needs a thread of its own.
pub(crate) struct JsonFile {
    file: Appended,
    lines: JsonBuffer,
}

impl JsonFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            file: Appended::new(path),
            lines: JsonBuffer::default(),
        }
    }
}

impl FlowSink for JsonFile {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.lines.clear();
        for flow in flows {
            self.lines.push(flow);
        }
        Ok(self.file.append(self.lines.as_bytes())?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(self.file.close()?)
    }
}
