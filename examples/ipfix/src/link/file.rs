//! A file of messages in sequence (RFC 5655).

use std::{io, path::PathBuf};

use mermin_program::Appended;

use super::{Link, Unsent};
use crate::encode::Messages;

/// Appends to a file of complete messages. After a rotation, the new file begins with the templates.
pub(crate) struct File(Appended);

impl File {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Appended::new(path))
    }
}

impl Link for File {
    fn open(&mut self) -> io::Result<bool> {
        self.0.open()
    }

    fn send(&mut self, messages: &Messages) -> Result<(), Unsent> {
        let written = self.0.append(messages.as_bytes());
        written.map_err(|error| Unsent { sent: 0, error })
    }

    fn close(&mut self) -> io::Result<()> {
        self.0.close()
    }
}
