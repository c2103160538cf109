//! One member of gzip (RFC 1952).
//!
//! flate2's own reader drops the output of the call that meets damage. This one returns that output first, so a
//! damaged file gives the same packets whatever the read sizes are.

use std::{
    fmt,
    io::{self, BufRead as _},
};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{
    member::{Stop, exact},
    source::Source,
};

/// Flags of the header, RFC 1952 section 2.3.1.
mod flag {
    pub(super) const HEADER_CRC: u8 = 1 << 1;
    pub(super) const EXTRA: u8 = 1 << 2;
    pub(super) const NAME: u8 = 1 << 3;
    pub(super) const COMMENT: u8 = 1 << 4;
    pub(super) const RESERVED: u8 = 0b1110_0000;
}

pub(super) struct Gzip<R> {
    pub(super) source: Source<R>,
    inflater: Decompress,
    crc: Crc,
    state: State,
}

enum State {
    Content,
    /// The reason to stop, returned after all earlier output.
    Stopped(Option<Stop>),
    /// The trailer has been read.
    Over,
}

impl<R> fmt::Debug for Gzip<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}

impl<R: io::Read> Gzip<R> {
    /// Reads the member's header.
    pub(super) fn begin(mut source: Source<R>) -> Result<Self, Stop> {
        header(&mut source)?;
        Ok(Self {
            source,
            inflater: Decompress::new(false),
            crc: Crc::new(),
            state: State::Content,
        })
    }

    /// Returns the next octets; none at the end of the member.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        while let State::Content = self.state {
            let written = self.inflate(buffer);
            if written != 0 {
                return Ok(written);
            }
        }
        match &mut self.state {
            State::Stopped(stop) => stop.take().map_or(Ok(0), Err),
            State::Content | State::Over => Ok(0),
        }
    }

    /// Calls the inflater once; returns the number of octets it wrote, even if it reports damage behind them.
    fn inflate(&mut self, buffer: &mut [u8]) -> usize {
        let before = (self.inflater.total_in(), self.inflater.total_out());
        let input = match self.source.fill_buf() {
            Ok(input) => input,
            Err(error) => {
                let stop = Stop::of(&error, &mut self.source);
                self.stop(stop);
                return 0;
            }
        };
        let status = self
            .inflater
            .decompress(input, buffer, FlushDecompress::None);
        let taken = self.inflater.total_in() - before.0;
        let written = self.inflater.total_out() - before.1;
        self.source.consume(usize::try_from(taken).unwrap_or(0));
        let written = usize::try_from(written).unwrap_or(0);
        self.crc.update(buffer.get(..written).unwrap_or_default());
        match status {
            Ok(Status::StreamEnd) => match self.trailer() {
                Ok(()) => self.state = State::Over,
                Err(stop) => self.stop(stop),
            },
            // The inflater consumes all available input, so the input has ended.
            Ok(Status::Ok | Status::BufError) if taken == 0 && written == 0 => self.stop(Stop::Cut),
            Ok(Status::Ok | Status::BufError) => {}
            Err(error) => self.stop(Stop::Damaged(error.to_string())),
        }
        written
    }

    fn stop(&mut self, stop: Stop) {
        self.state = State::Stopped(Some(stop));
    }

    /// Checks CRC and length of the output, modulo 2^32.
    fn trailer(&mut self) -> Result<(), Stop> {
        let mut octets = [0; 8];
        exact(&mut self.source, &mut octets)?;
        let [a, b, c, d, length @ ..] = octets;
        if u32::from_le_bytes([a, b, c, d]) != self.crc.sum()
            || u32::from_le_bytes(length) != self.crc.amount()
        {
            return Err(Stop::Damaged("its checksum is another".to_owned()));
        }
        Ok(())
    }
}

fn header<R: io::Read>(source: &mut Source<R>) -> Result<(), Stop> {
    let mut crc = Crc::new();
    let mut fixed = [0; 10];
    exact(source, &mut fixed)?;
    crc.update(&fixed);
    let flags = fixed[3];
    if flags & flag::RESERVED != 0 {
        return Err(Stop::Damaged(
            "its header has flags without meaning".to_owned(),
        ));
    }
    if flags & flag::EXTRA != 0 {
        let mut length = [0; 2];
        exact(source, &mut length)?;
        crc.update(&length);
        for _ in 0..u16::from_le_bytes(length) {
            octet(source, &mut crc)?;
        }
    }
    for text in [flag::NAME, flag::COMMENT] {
        if flags & text != 0 {
            while octet(source, &mut crc)? != 0 {}
        }
    }
    if flags & flag::HEADER_CRC != 0 {
        let mut told = [0; 2];
        exact(source, &mut told)?;
        if u32::from(u16::from_le_bytes(told)) != crc.sum() & 0xffff {
            return Err(Stop::Damaged(
                "the checksum of its header is another".to_owned(),
            ));
        }
    }
    Ok(())
}

fn octet<R: io::Read>(source: &mut Source<R>, crc: &mut Crc) -> Result<u8, Stop> {
    let mut octet = [0];
    exact(source, &mut octet)?;
    crc.update(&octet);
    Ok(octet[0])
}
