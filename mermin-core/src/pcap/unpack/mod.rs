//! Decompresses captures while they are read. The first octets decide the format, not the file name.
//!
//! **Memory** is that of one window: 32 KiB for gzip, about 12 MiB for lz4, the size in the header for zstd, at most
//! 128 MiB. A file that expands to more than 10,000 times its size is an error.

mod damage;
#[cfg(feature = "pcap-compressed")]
mod gzip;
#[cfg(feature = "pcap-compressed")]
mod lz4;
mod magic;
#[cfg(feature = "pcap-compressed")]
mod member;
mod source;
#[cfg(feature = "pcap-compressed")]
mod zstd;

use std::io;

#[cfg(feature = "pcap-compressed")]
use self::member::Members;
use self::source::Source;
pub(super) use self::{damage::Damage, magic::Packing};

/// The decompressed input.
#[derive(Debug)]
pub(super) struct Unpacked<R: io::Read>(State<R>);

#[derive(Debug)]
enum State<R: io::Read> {
    /// The format is not known yet.
    Unknown(Source<R>),
    /// Not compressed.
    Plain(Source<R>),
    #[cfg(feature = "pcap-compressed")]
    Packed(Box<Members<R>>),
    /// During a change of state.
    Nothing,
}

impl<R: io::Read> Unpacked<R> {
    pub(super) fn new(input: R) -> Self {
        Self(State::Unknown(Source::new(input)))
    }

    /// Returns the compression.
    pub(super) fn packing(&self) -> Option<Packing> {
        match &self.0 {
            #[cfg(feature = "pcap-compressed")]
            State::Packed(members) => Some(members.packing()),
            _ => None,
        }
    }
}

impl<R: io::Read> io::Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Unknown(source) = &mut self.0 {
            let packing = Packing::of(source.peek()?);
            let State::Unknown(source) = std::mem::replace(&mut self.0, State::Nothing) else {
                return Ok(0);
            };
            self.0 = state(source, packing);
        }
        match &mut self.0 {
            State::Unknown(source) | State::Plain(source) => source
                .read(buffer)
                .map_err(|error| source.failure.take().unwrap_or(error)),
            #[cfg(feature = "pcap-compressed")]
            State::Packed(members) => members.read(buffer),
            State::Nothing => Ok(0),
        }
    }
}

#[cfg(feature = "pcap-compressed")]
fn state<R: io::Read>(source: Source<R>, packing: Option<Packing>) -> State<R> {
    match packing.filter(|packing| packing.is_unpacked()) {
        Some(packing) => State::Packed(Box::new(Members::new(source, packing))),
        None => State::Plain(source),
    }
}

#[cfg(not(feature = "pcap-compressed"))]
fn state<R: io::Read>(source: Source<R>, _packing: Option<Packing>) -> State<R> {
    State::Plain(source)
}
