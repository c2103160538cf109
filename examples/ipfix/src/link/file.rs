//! A file of messages in sequence (RFC 5655).

use std::{fs, io, os::unix::fs::FileExt as _, path::PathBuf};

use mermin_program::Appended;

use super::{Link, Unsent};
use crate::encode::{HEADER, Messages, VERSION};

/// Appends to a file of complete messages. After a rotation, the new file begins with the templates.
pub(crate) struct File(Appended);

impl File {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Appended::new(path).whole(end_of_messages))
    }
}

/// Octets of a message's version and length.
const BEGINNING: usize = 4;

/// Returns the end of the last complete message. A killed process leaves the beginning of one behind it. If something else is in the
/// file, no message behind it could be read.
fn end_of_messages(file: &fs::File, length: u64) -> io::Result<u64> {
    let mut end = 0;
    while end + BEGINNING as u64 <= length {
        let mut octets = [0; BEGINNING];
        file.read_exact_at(&mut octets, end)?;
        let [version @ .., first, second] = octets;
        let message = u64::from(u16::from_be_bytes([first, second]));
        if u16::from_be_bytes(version) != VERSION || message < HEADER as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("no message of IPFIX begins at octet {end}; move the file away"),
            ));
        }
        if end + message > length {
            break;
        }
        end += message;
    }
    Ok(end)
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
