//! The input, with a look-ahead.

use std::io::{self, BufRead, Read};

/// Octets per read. Decoders ask for fewer at a time.
const PIECE: usize = 32 << 10;
/// Octets at the beginning of a file that identify its format.
const MAGIC: usize = 4;

/// The input, and the octets read ahead.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: R,
    ahead: Vec<u8>,
    used: usize,
    /// The input has ended.
    ended: bool,
    /// Octets consumed.
    pub(super) taken: u64,
    /// The input's own error, because decoders replace it with errors of their own.
    pub(super) failure: Option<io::Error>,
    /// Octets that a decoder gets behind the end of the input, see [`probe`](Self::probe).
    probe: &'static [u8],
    probed: usize,
}

impl<R> Source<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            ahead: Vec::new(),
            used: 0,
            ended: false,
            taken: 0,
            failure: None,
            probe: &[],
            probed: 0,
        }
    }

    /// Stores the input's own error, and returns another of the same kind.
    fn fail(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            self.failure = Some(error);
        }
        kind.into()
    }

    fn ahead(&self) -> &[u8] {
        self.ahead.get(self.used..).unwrap_or_default()
    }

    /// Appends octets behind the end, to see how a decoder reacts to them.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn probe(&mut self, octets: &'static [u8]) {
        self.probe = octets;
        self.probed = 0;
    }

    /// Returns how many of the appended octets were consumed.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn probed(&self) -> usize {
        self.probed
    }

    /// Returns true if the input has ended.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn is_used_up(&self) -> bool {
        self.ended && self.ahead().is_empty()
    }
}

impl<R: Read> Source<R> {
    /// Returns the next octets without consuming them. They are fewer than a magic only at the end.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.peek_for(MAGIC)
    }

    /// Returns at least this many octets without consuming them; fewer only at the end.
    pub(super) fn peek_for(&mut self, octets: usize) -> io::Result<&[u8]> {
        while self.ahead().len() < octets && !self.ended {
            self.more()?;
        }
        Ok(self.ahead())
    }

    /// Reads once and appends to the look-ahead.
    fn more(&mut self) -> io::Result<()> {
        self.ahead.drain(..self.used);
        self.used = 0;
        let there = self.ahead.len();
        self.ahead.resize(there + PIECE, 0);
        let room = self.ahead.get_mut(there..).unwrap_or_default();
        let result = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let read = *result.as_ref().unwrap_or(&0);
        self.ahead.truncate(there + read.min(PIECE));
        self.ended = matches!(result, Ok(0));
        result.map(|_| ())
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead().is_empty() && self.probe.is_empty() {
            if self.ended {
                return Ok(0);
            }
            // A large read needs no copy through the look-ahead.
            if buffer.len() >= PIECE {
                let read = match self.input.read(buffer) {
                    Ok(read) => read,
                    Err(error) => return Err(self.fail(error)),
                };
                self.ended = read == 0;
                self.taken += read as u64;
                return Ok(read);
            }
        }
        let found = self.fill_buf()?;
        let octets = found.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), found.get(..octets)) {
            to.copy_from_slice(from);
        }
        self.consume(octets);
        Ok(octets)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.ahead().is_empty()
            && !self.ended
            && let Err(error) = self.more()
        {
            return Err(self.fail(error));
        }
        if self.ahead().is_empty() {
            return Ok(self.probe);
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, octets: usize) {
        if self.ahead().is_empty() {
            self.probe = self.probe.get(octets..).unwrap_or_default();
            self.probed += octets;
            return;
        }
        let octets = octets.min(self.ahead().len());
        self.used += octets;
        self.taken += octets as u64;
    }
}
