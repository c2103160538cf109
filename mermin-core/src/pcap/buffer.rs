//! The part of a capture that is in memory.

use std::{io, ops::Range};

/// Octets per read of the input: small enough for a core's cache, large enough for few calls.
const CHUNK: usize = 256 << 10;
/// Octets of the first read: enough for a short capture.
const FIRST: usize = 8 << 10;

/// A window that moves through the input.
#[derive(Debug)]
pub(super) struct Buffer<R> {
    input: R,
    bytes: Vec<u8>,
    /// Octets before this index are consumed.
    start: usize,
    /// Octets before this index are read.
    end: usize,
    /// Offset of `start` in the input.
    offset: u64,
    /// Octets that must fit into the buffer at once.
    wanted: usize,
    /// Octets of the input to skip, and the offset where they begin.
    skipping: Option<(u64, u64)>,
    ended: bool,
}

impl<R> Buffer<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            bytes: vec![0; FIRST],
            start: 0,
            end: 0,
            offset: 0,
            wanted: CHUNK,
            skipping: None,
            ended: false,
        }
    }

    pub(super) fn input(&self) -> &R {
        &self.input
    }

    /// Returns the octets that are in memory and not consumed.
    pub(super) fn data(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the offset in the input of [`data`](Self::data), or of the octets to skip if there are any.
    pub(super) fn offset(&self) -> u64 {
        match self.skipping {
            Some((_, began)) => began,
            None => self.offset,
        }
    }

    /// Returns the offset of the next read.
    pub(super) fn end_offset(&self) -> u64 {
        self.offset + self.data().len() as u64
    }

    /// Returns true if the input has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns true if octets to skip have not been read yet.
    pub(super) fn is_skipping(&self) -> bool {
        self.skipping.is_some()
    }

    /// Consumes the first octets; returns the place of `part` of them, valid until the next fill.
    pub(super) fn take(&mut self, octets: usize, part: Range<usize>) -> Range<usize> {
        let at = self.start + part.start..self.start + part.end;
        let octets = octets.min(self.end - self.start);
        self.start += octets;
        self.offset += octets as u64;
        at
    }

    /// Returns consumed octets at a place.
    pub(super) fn octets(&self, at: Range<usize>) -> &[u8] {
        self.bytes.get(at).unwrap_or_default()
    }

    /// Consumes octets that need not be in memory.
    pub(super) fn skip(&mut self, octets: u64) {
        let began = self.offset();
        let here = usize::try_from(octets).map_or(usize::MAX, |octets| octets);
        let here = here.min(self.end - self.start);
        self.take(here, 0..0);
        let left = octets - here as u64;
        self.skipping = (left != 0).then_some((left, began));
    }

    /// Requests this many octets at once. The buffer grows only as they arrive, so a wrong length field takes no
    /// memory.
    pub(super) fn want(&mut self, octets: usize) {
        self.wanted = self.wanted.max(octets.next_multiple_of(CHUNK));
    }
}

impl<R: io::Read> Buffer<R> {
    /// Reads once. Places of consumed octets become invalid.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            self.grow();
        }
        let Some(room) = self.bytes.get_mut(self.end..) else {
            return Ok(());
        };
        let read = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        // A faulty reader may claim more octets than the buffer has; the excess does not exist.
        self.end = self.bytes.len().min(self.end + read);
        self.ended = read == 0;
        if self.end == self.bytes.len() && self.end < CHUNK {
            self.grow();
        }
        if let Some((octets, began)) = self.skipping {
            self.skipping = None;
            self.skip(octets);
            if let Some((_, from)) = &mut self.skipping {
                *from = began;
            }
        }
        Ok(())
    }

    fn grow(&mut self) {
        let octets = (2 * self.bytes.len()).min(self.wanted);
        self.bytes.resize(octets.max(self.bytes.len()), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_moves_and_keeps_its_offset() {
        let input: Vec<u8> = (0..=255).collect();
        let mut buffer = Buffer::new(&input[..]);
        buffer.fill().unwrap();
        let part = buffer.take(10, 4..6);
        assert_eq!(buffer.octets(part), [4, 5]);
        assert_eq!((buffer.offset(), buffer.data()[0]), (10, 10));
        buffer.skip(20);
        assert_eq!((buffer.offset(), buffer.data()[0]), (30, 30));
        assert!(!buffer.is_ended());
        buffer.fill().unwrap();
        assert!(buffer.is_ended());
        assert_eq!(buffer.data(), &input[30..]);
    }

    /// Reads until this many octets are in memory, or the input ends.
    fn fill_to(buffer: &mut Buffer<&[u8]>, octets: usize) {
        while buffer.data().len() < octets && !buffer.is_ended() {
            buffer.fill().unwrap();
        }
    }

    #[test]
    fn skip_continues_across_reads() {
        let input = vec![7; 3 * CHUNK];
        let mut buffer = Buffer::new(&input[..]);
        buffer.fill().unwrap();
        buffer.take(5, 0..0);
        buffer.skip(2 * CHUNK as u64);
        let mut fills = 0;
        while buffer.is_skipping() {
            assert_eq!(buffer.offset(), 5);
            buffer.fill().unwrap();
            fills += 1;
        }
        assert!(fills > 1);
        assert_eq!(buffer.offset(), 5 + 2 * CHUNK as u64);
        buffer.skip(2 * CHUNK as u64);
        while !buffer.is_ended() {
            buffer.fill().unwrap();
        }
        assert!(buffer.is_skipping());
    }

    #[test]
    fn buffer_grows_for_a_long_record() {
        let input = vec![7; 2 * CHUNK];
        let mut buffer = Buffer::new(&input[..]);
        fill_to(&mut buffer, CHUNK);
        buffer.want(CHUNK + 1);
        fill_to(&mut buffer, 2 * CHUNK);
        assert_eq!(buffer.data().len(), 2 * CHUNK);
    }

    #[test]
    fn invalid_length_allocates_no_memory() {
        let input = [7; 20];
        let mut buffer = Buffer::new(&input[..]);
        buffer.fill().unwrap();
        buffer.want(64 * CHUNK);
        buffer.fill().unwrap();
        assert!(buffer.is_ended());
        assert_eq!(buffer.bytes.len(), FIRST);
    }

    #[test]
    fn buffer_size_follows_the_input_size() {
        let input = vec![7; 4 * CHUNK];
        let mut buffer = Buffer::new(&input[..]);
        let mut largest = 0;
        while !buffer.is_ended() {
            buffer.fill().unwrap();
            let there = buffer.data().len();
            largest = largest.max(there);
            buffer.take(there, 0..0);
        }
        assert_eq!(largest, CHUNK);
    }
}
