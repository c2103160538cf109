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
/// A longer file is not read from its first octet on: the first export would wait for that.
const SHORT: u64 = 64 << 20;
/// Octets at the end of a longer file in which its last messages are looked for.
const SEARCHED: u64 = 1 << 20;

/// Returns the end of the last complete message. A killed process leaves the beginning of one behind it. If something else is in the
/// file, no message behind it could be read.
fn end_of_messages(file: &fs::File, length: u64) -> io::Result<u64> {
    if length <= SHORT {
        return end_of_chain(file, 0, length)?.map_err(|place| no_message("at", place));
    }
    let start = length - SEARCHED;
    // A message begins at one of these octets, and leads to the others. Nothing else leads so far by chance.
    for first in start..=start + u64::from(u16::MAX) {
        if let Ok(end) = end_of_chain(file, first, length)? {
            return Ok(end);
        }
    }
    Err(no_message("behind", start))
}

/// Returns the end of the last complete message, of those that follow each other from this octet on, or the place where there is none.
fn end_of_chain(file: &fs::File, first: u64, length: u64) -> io::Result<Result<u64, u64>> {
    let mut end = first;
    while end < length {
        // A message that ends the file may have less, as far as it goes.
        let mut octets = [0; BEGINNING];
        octets[..2].copy_from_slice(&VERSION.to_be_bytes());
        octets[2..].copy_from_slice(&u16::MAX.to_be_bytes());
        let there = usize::try_from(length - end).map_or(BEGINNING, |it| it.min(BEGINNING));
        if let Some(octets) = octets.get_mut(..there) {
            file.read_exact_at(octets, end)?;
        }
        let [version @ .., high, low] = octets;
        let message = u64::from(u16::from_be_bytes([high, low]));
        if u16::from_be_bytes(version) != VERSION || message < HEADER as u64 {
            return Ok(Err(end));
        }
        if end + message > length {
            break;
        }
        end += message;
    }
    Ok(Ok(end))
}

fn no_message(place: &str, octet: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no message of IPFIX begins {place} octet {octet}; move the file away"),
    )
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

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _, time::UNIX_EPOCH};

    use mermin_core::sink::testing::flows;
    use mermin_testing::Folder;

    use super::*;
    use crate::{encode::Encoder, settings::Settings};

    fn messages(of: u32) -> Messages {
        let mut messages = Messages::default();
        Encoder::new(Settings::default()).encode(&flows(of), UNIX_EPOCH, &mut messages);
        messages
    }

    /// Opens a file that has a hole of this length and these octets. Returns the octets behind the hole that are left.
    fn opened(hole: u64, octets: &[u8]) -> io::Result<u64> {
        let folder = Folder::new("ends");
        let path = folder.file("flows.ipfix");
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.set_len(hole)?;
        file.write_all(octets)?;
        let outcome = File::new(path.clone()).open();
        let length = fs::metadata(path)?.len();
        if outcome.is_err() {
            assert_eq!(length, hole + octets.len() as u64);
        }
        outcome.map(|_| length - hole)
    }

    #[test]
    fn only_the_end_of_a_long_file_is_read() {
        let all = messages(15_000);
        let octets = all.as_bytes();
        assert!(octets.len() as u64 > 2 * SEARCHED);
        let last = all.iter().last().unwrap().len();
        for cut in [0, 1, last - 5, last - 3, last - 1] {
            let end = opened(SHORT, &octets[..octets.len() - cut]).unwrap();
            let left = if cut == 0 { 0 } else { last };
            assert_eq!(end, (octets.len() - left) as u64, "{cut}");
        }
        let words = opened(SHORT, &[1; 2000]).unwrap_err().to_string();
        assert!(words.contains("move the file away"), "{words}");
    }

    #[test]
    fn few_octets_at_the_end_are_removed_only_if_a_message_begins_so() {
        let all = messages(20);
        let whole = all.as_bytes().len() as u64;
        for (end, is_torn) in [
            (&b"\0"[..], true),
            (b"\0\x0a", true),
            (b"\0\x0a\x05", true),
            (b"\n", false),
            (b"\0\x09", false),
            (b"end", false),
        ] {
            let outcome = opened(0, &[all.as_bytes(), end].concat());
            match outcome {
                Ok(left) => assert!(is_torn && left == whole, "{end:?}"),
                Err(error) => assert!(!is_torn, "{end:?}: {error}"),
            }
        }
    }
}
