//! Packets of pcap and pcapng captures, read as a stream.
//!
//! The container's structures are `pcap-parser`'s; what is here finds them in a buffer that moves through the file, knows at
//! which byte they are, and turns times and link types into what the rest of this crate understands.

mod broken;
mod buffer;
mod classic;
mod interface;
pub(crate) mod link;
mod ng;
mod time;

use std::{io, ops::Range};

pub(crate) use self::{broken::Broken, interface::Interface};
use self::{buffer::Buffer, classic::Classic, ng::Ng};

/// A record or block longer than this is damage. The longest packets that are captured have 256 KiB.
const LONGEST: u32 = 16 << 20;

/// One packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Where its octets are, for [`Capture::octets`]; until the next [`Capture::fill`].
    at: Range<usize>,
    /// Octets it had on the wire; no fewer than were captured.
    pub(crate) length: u32,
    /// When it was captured, ns since 1970 up to [`time::LAST`]; simple packet blocks of pcapng have no time.
    pub(crate) time: Option<u64>,
    /// Where it was captured: place in [`Capture::interfaces`].
    pub(crate) interface: usize,
}

#[cfg(feature = "test-util")]
impl Packet {
    /// One that is in no capture.
    pub(crate) fn by_hand(octets: usize, at: std::time::Duration) -> Self {
        Self {
            at: 0..0,
            length: u32::try_from(octets).unwrap_or(u32::MAX),
            time: u64::try_from(at.as_nanos()).ok(),
            interface: 0,
        }
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A packet.
    Packet(Packet),
    /// What has been read is used up: [`Capture::fill`], which may block.
    More,
    /// The end of the file.
    End,
}

/// A capture that is being read.
#[derive(Debug)]
pub(crate) struct Capture<R> {
    buffer: Buffer<R>,
    format: Format,
    interfaces: Vec<Interface>,
}

#[derive(Debug)]
enum Format {
    /// Nothing has been read yet.
    Unknown,
    Classic(Classic),
    Ng(Ng),
}

/// What a parser made of the octets at hand.
enum Parsed {
    /// A packet; the buffer has moved past it.
    Packet(Packet),
    /// Something else; likewise.
    Other,
    /// This many octets must be at hand at once to read what is next.
    Needs(usize),
}

impl<R: io::Read> Capture<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            buffer: Buffer::new(input),
            format: Format::Unknown,
            interfaces: Vec::new(),
        }
    }

    /// Interfaces that the capture has named so far, over all its sections.
    pub(crate) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What was captured of a packet.
    pub(crate) fn octets(&self, packet: &Packet) -> &[u8] {
        self.buffer.octets(packet.at.clone())
    }

    /// Reads once. Blocks as long as the input does.
    pub(crate) fn fill(&mut self) -> Result<(), Broken> {
        self.buffer
            .fill()
            .map_err(|error| Broken::unreadable(self.buffer.end_offset(), error))
    }

    /// Reads until the format is known. Blocks as long as the input does.
    pub(crate) fn open(&mut self) -> Result<(), Broken> {
        while matches!(self.format, Format::Unknown) {
            match self.parse()? {
                Parsed::Needs(octets) => match self.lacks(octets)? {
                    Next::More => self.fill()?,
                    _ => return Err(Broken::empty()),
                },
                Parsed::Packet(_) | Parsed::Other => {}
            }
        }
        Ok(())
    }

    /// The next packet that is in memory already.
    pub(crate) fn next(&mut self) -> Result<Next, Broken> {
        loop {
            match self.parse()? {
                Parsed::Packet(packet) => return Ok(Next::Packet(packet)),
                Parsed::Other => {}
                Parsed::Needs(octets) => return self.lacks(octets),
            }
        }
    }

    fn parse(&mut self) -> Result<Parsed, Broken> {
        match &mut self.format {
            Format::Classic(file) => file.parse(&mut self.buffer),
            Format::Ng(section) => section.parse(&mut self.buffer, &mut self.interfaces),
            Format::Unknown => {
                let Some(magic) = self.buffer.data().first_chunk::<4>() else {
                    return Ok(Parsed::Needs(4));
                };
                if *magic == ng::SECTION_HEADER.to_le_bytes() {
                    return Ng::open(&mut self.buffer, &mut self.format);
                }
                let Some((file, interface)) = Classic::open(&mut self.buffer)? else {
                    return Ok(Parsed::Needs(classic::HEADER));
                };
                self.interfaces.push(interface);
                self.format = Format::Classic(file);
                Ok(Parsed::Other)
            }
        }
    }

    /// What to do when more octets are needed than there are.
    fn lacks(&mut self, octets: usize) -> Result<Next, Broken> {
        if !self.buffer.is_ended() {
            self.buffer.want(octets);
            return Ok(Next::More);
        }
        if self.buffer.data().is_empty() && !self.buffer.is_skipping() {
            return Ok(Next::End);
        }
        let what = match self.format {
            Format::Unknown => "its header",
            Format::Classic(_) => "a packet record",
            Format::Ng(_) => "a block",
        };
        Err(Broken::new(
            self.buffer.offset(),
            format!("it ends within {what}"),
        ))
    }
}
