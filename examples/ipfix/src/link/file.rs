//! Messages one behind the other in a file (RFC 5655).

use std::{
    fs,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use super::{Link, Unsent, cannot};
use crate::encode::Messages;

/// Appends to a file. A message that a full disk cut is removed, so that it holds whole messages alone.
pub(crate) struct File {
    path: PathBuf,
    open: Option<fs::File>,
    /// Where the last whole message ends.
    end: u64,
}

impl File {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            end: 0,
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Link for File {
    fn open(&mut self) -> io::Result<bool> {
        if self.open.is_some() {
            return Ok(false);
        }
        let mut options = fs::OpenOptions::new();
        let opened = options.create(true).append(true).open(&self.path);
        let mut file = opened.map_err(|error| cannot("open", &self.name(), &error))?;
        self.end = file.seek(SeekFrom::End(0))?;
        self.open = Some(file);
        Ok(true)
    }

    fn send(&mut self, messages: &Messages) -> Result<(), Unsent> {
        let Some(file) = &mut self.open else {
            return Ok(());
        };
        match file.write_all(messages.as_bytes()) {
            Ok(()) => {
                self.end += messages.as_bytes().len() as u64;
                Ok(())
            }
            Err(error) => {
                let error = cannot("write to", &self.path.display().to_string(), &error);
                // Should this fail too, the next opening of the file shows where it ends.
                if file.set_len(self.end).is_err() {
                    self.open = None;
                }
                Err(Unsent { sent: 0, error })
            }
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(file) => file
                .sync_all()
                .map_err(|error| cannot("store", &self.name(), &error)),
            None => Ok(()),
        }
    }
}
