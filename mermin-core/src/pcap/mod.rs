//! Reads packets of captures as a stream: pcap, pcapng, snoop and ERF, also compressed.
//!
//! The crate `pcap-parser` parses pcapng blocks. This module finds blocks in a buffer that moves through the file,
//! tracks their offsets, and converts times and link types.
//!
//! * `unpack` recognises a compressed file by its first bytes and decompresses it as it is read; each kind keeps one
//!   window in memory.
//! * `{classic,ng,snoop,erf}` find packets in that buffer. The buffer knows its offset in the file, for errors.
//! * `link` finds the first header of a packet that the kernel program's parser understands, and how many bytes before
//!   it the capture itself added. From there on, the parser is the kernel program's.

mod buffer;
mod classic;
mod erf;
mod error;
mod interface;
pub(crate) mod link;
mod ng;
mod packet;
mod snoop;
mod time;
mod unpack;
mod word;

use std::io;

use self::{
    buffer::Buffer, classic::Classic, erf::Erf, ng::Ng, packet::Parsed, snoop::Snoop,
    unpack::Unpacked,
};
pub(crate) use self::{error::PcapError, interface::Interface, packet::Packet, time::Time};

/// The next item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A packet.
    Packet(Packet),
    /// The next packet is not completely in memory. The caller calls [`Capture::fill`], which may block.
    More,
    /// The end of the file.
    End,
}

/// A capture that is being read.
#[derive(Debug)]
pub(crate) struct Capture<R: io::Read> {
    buffer: Buffer<Unpacked<R>>,
    format: Format,
    interfaces: Vec<Interface>,
}

#[derive(Debug)]
enum Format {
    /// The format is not known yet.
    Unknown,
    Classic(Classic),
    Ng(Ng),
    Snoop,
    Erf,
}

impl<R: io::Read> Capture<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            buffer: Buffer::new(Unpacked::new(input)),
            format: Format::Unknown,
            interfaces: Vec::new(),
        }
    }

    /// Returns the interfaces that the capture has named so far, over all its sections.
    pub(crate) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Returns the captured octets of a packet.
    pub(crate) fn octets(&self, packet: &Packet) -> &[u8] {
        self.buffer.octets(packet.at.clone())
    }

    /// Reads once. Blocks while the input blocks.
    pub(crate) fn fill(&mut self) -> Result<(), PcapError> {
        let filled = self.buffer.fill().map_err(|error| {
            let at = self.buffer.end_offset();
            match unpack::Damage::of(error) {
                Ok(damage) => PcapError::new(at, damage.to_string()),
                Err(error) => PcapError::unreadable(at, error),
            }
        });
        self.within_packing(filled)
    }

    /// If the file is compressed, notes in the error that its offset counts decompressed octets.
    fn within_packing<T>(&self, result: Result<T, PcapError>) -> Result<T, PcapError> {
        result.map_err(|broken| match self.buffer.input().packing() {
            Some(packing) => broken.within(packing.name()),
            None => broken,
        })
    }

    /// Reads until the format is known. Blocks while the input blocks.
    pub(crate) fn open(&mut self) -> Result<(), PcapError> {
        while matches!(self.format, Format::Unknown) {
            let parsed = self.parse();
            if let Parsed::Needs(octets) = self.within_packing(parsed)? {
                let needed = self.need(octets);
                match self.within_packing(needed)? {
                    Next::More => self.fill()?,
                    _ => return self.within_packing(Err(PcapError::empty())),
                }
            }
        }
        Ok(())
    }

    /// Returns the next item that is completely in memory.
    pub(crate) fn next(&mut self) -> Result<Next, PcapError> {
        loop {
            let parsed = self.parse();
            match self.within_packing(parsed)? {
                Parsed::Packet(packet) => return Ok(Next::Packet(packet)),
                Parsed::Other => {}
                Parsed::Needs(octets) => {
                    let needed = self.need(octets);
                    return self.within_packing(needed);
                }
            }
        }
    }

    fn parse(&mut self) -> Result<Parsed, PcapError> {
        match &mut self.format {
            Format::Classic(file) => file.parse(&mut self.buffer),
            Format::Ng(section) => section.parse(&mut self.buffer, &mut self.interfaces),
            Format::Snoop => Snoop::parse(&mut self.buffer),
            Format::Erf => Erf::parse(&mut self.buffer),
            Format::Unknown => self.begin(),
        }
    }

    /// Detects the format from the beginning of the file.
    fn begin(&mut self) -> Result<Parsed, PcapError> {
        let Some(&magic) = self.buffer.data().first_chunk::<4>() else {
            return Ok(Parsed::Needs(4));
        };
        if magic == ng::SECTION_HEADER.to_le_bytes() {
            return Ng::open(&mut self.buffer, &mut self.format);
        }
        let (format, interface) = if Classic::is(magic) {
            let Some((file, interface)) = Classic::open(&mut self.buffer)? else {
                return Ok(Parsed::Needs(classic::HEADER));
            };
            (Format::Classic(file), interface)
        } else if Snoop::is(magic) {
            let Some(interface) = Snoop::open(&mut self.buffer)? else {
                return Ok(Parsed::Needs(snoop::HEADER));
            };
            (Format::Snoop, interface)
        } else if Erf::may_be(self.buffer.data()) {
            // ERF has no magic: a record and the beginning of the next must be valid.
            match Erf::open(self.buffer.data(), self.buffer.is_ended()) {
                Ok(interface) => (Format::Erf, interface),
                Err(Some(octets)) => return Ok(Parsed::Needs(octets)),
                Err(None) => return Err(PcapError::foreign(self.buffer.data())),
            }
        } else {
            return Err(PcapError::foreign(self.buffer.data()));
        };
        self.interfaces.push(interface);
        self.format = format;
        Ok(Parsed::Other)
    }

    /// Has the buffer read this many octets. Returns `More`, or, when the input has ended, `End`.
    fn need(&mut self, octets: usize) -> Result<Next, PcapError> {
        if !self.buffer.is_ended() {
            self.buffer.want(octets);
            return Ok(Next::More);
        }
        if self.buffer.data().is_empty() && !self.buffer.is_skipping() {
            if let Format::Ng(section) = &mut self.format {
                section.end(&self.interfaces)?;
            }
            return Ok(Next::End);
        }
        let what = match self.format {
            Format::Unknown => "its header",
            Format::Classic(_) | Format::Snoop | Format::Erf => "a packet record",
            Format::Ng(_) => "a block",
        };
        Err(PcapError::new(
            self.buffer.offset(),
            format!("it ends within {what}"),
        ))
    }
}
