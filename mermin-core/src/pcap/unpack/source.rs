//! The input, in pieces that can be looked at before they are used.

use std::io::{self, BufRead, Read};

/// Octets that are read at once for a decoder, which asks for few at a time.
const PIECE: usize = 32 << 10;
/// Octets at the beginning of a file that tell its kind.
const MAGIC: usize = 4;

/// The input and what was read of it ahead.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: R,
    ahead: Vec<u8>,
    used: usize,
    /// The input has no more.
    ended: bool,
    /// Octets that were used up.
    pub(super) taken: u64,
    /// The input's own error: decoders make errors of theirs of it.
    pub(super) failure: Option<io::Error>,
    /// Octets to go on with behind the end.
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

    /// Keeps the input's own error, and gives another of its kind.
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

    /// Goes on behind the end, to see what a decoder makes of it.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn probe(&mut self, octets: &'static [u8]) {
        self.probe = octets;
        self.probed = 0;
    }

    /// Octets of that which were taken.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn probed(&self) -> usize {
        self.probed
    }

    /// True if there is no more.
    #[cfg(feature = "pcap-compressed")]
    pub(super) fn is_used_up(&self) -> bool {
        self.ended && self.ahead().is_empty()
    }
}

impl<R: Read> Source<R> {
    /// The first octets that are not used up yet; fewer than a magic has only at the end.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.peek_for(MAGIC)
    }

    /// The same of so many.
    pub(super) fn peek_for(&mut self, octets: usize) -> io::Result<&[u8]> {
        while self.ahead().len() < octets && !self.ended {
            self.more()?;
        }
        Ok(self.ahead())
    }

    /// Reads once, behind what is there.
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
            // Nothing is gained by a copy.
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
