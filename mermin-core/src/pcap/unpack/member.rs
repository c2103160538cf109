//! Reads the compressed parts of a file one after another, because compressed files may be concatenated.

use std::{
    fmt,
    io::{self, BufRead as _, Read as _},
};

use super::{damage::Damage, gzip::Gzip, lz4::Lz4, magic::Packing, source::Source, zstd::Zstd};

/// Largest ratio of decompressed to compressed size. No capture compresses better, because each packet has a
/// different time.
pub(super) const MOST_GROWTH: u64 = 10_000;
/// Below this many octets of output, the ratio is not checked.
const SMALL: u64 = 64 << 20;

/// All parts of a file.
#[derive(Debug)]
pub(super) struct Members<R: io::Read> {
    part: Decoder<R>,
    packing: Packing,
    /// Octets of output.
    given: u64,
}

#[derive(Debug)]
enum Decoder<R: io::Read> {
    /// Between two parts.
    Between(Source<R>),
    Gzip(Box<Gzip<R>>),
    Zstd(Box<Zstd<R>>),
    Lz4(Box<Lz4<R>>),
    /// After an error, and during a change of state.
    Over,
}

/// The reason why a decoder stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The input ends within a part.
    Cut,
    /// The decoder found damage.
    Damaged(String),
    /// The input's own error.
    Failed(io::Error),
}

impl Stop {
    /// Creates the reason from a decoder's error, which may stand for an error of the input.
    pub(super) fn of<R>(error: &(impl fmt::Display + ?Sized), source: &mut Source<R>) -> Self {
        match source.failure.take() {
            Some(error) => Self::Failed(error),
            None if source.is_used_up() => Self::Cut,
            None => Self::Damaged(error.to_string()),
        }
    }

    fn into_error(self, packing: Packing) -> io::Error {
        let name = packing.name();
        let why = match self {
            Self::Cut => format!("its {name} ends too early"),
            Self::Damaged(why) => format!("its {name} is damaged: {why}"),
            Self::Failed(error) => return error,
        };
        io::Error::other(Damage(why))
    }
}

impl<R: io::Read> Members<R> {
    pub(super) fn new(source: Source<R>, packing: Packing) -> Self {
        Self {
            part: Decoder::Between(source),
            packing,
            given: 0,
        }
    }

    pub(super) fn packing(&self) -> Packing {
        self.packing
    }

    /// Returns the octets of input so far.
    fn taken(&self) -> u64 {
        match &self.part {
            Decoder::Between(source) => source.taken,
            Decoder::Gzip(decoder) => decoder.source.taken,
            Decoder::Zstd(decoder) => decoder.source.taken,
            Decoder::Lz4(decoder) => decoder.source().taken,
            Decoder::Over => u64::MAX,
        }
    }
}

impl<R: io::Read> Members<R> {
    /// Begins the next part; returns `false` at the end.
    fn begin(&mut self, mut source: Source<R>) -> Result<bool, Stop> {
        let start = source.peek().map_err(Stop::Failed)?;
        if start.is_empty() {
            return Ok(false);
        }
        if let Some(&magic) = start.first_chunk()
            && Packing::is_skippable(magic)
        {
            skip(&mut source)?;
            self.part = Decoder::Between(source);
            return Ok(true);
        }
        let next = Packing::of(start).filter(|packing| packing.is_unpacked());
        self.packing = next.unwrap_or(self.packing);
        self.part = match next {
            Some(Packing::Gzip) => Decoder::Gzip(Box::new(Gzip::begin(source)?)),
            Some(Packing::Zstd) => Decoder::Zstd(Box::new(Zstd::begin(source)?)),
            Some(_) => Decoder::Lz4(Box::new(Lz4::begin(source)?)),
            // Tapes and disks pad with zeros.
            None if start.iter().all(|&octet| octet == 0) => {
                let octets = start.len();
                source.consume(octets);
                Decoder::Between(source)
            }
            None => return Err(Stop::Damaged("something else is behind it".to_owned())),
        };
        Ok(true)
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Stop> {
        let (read, rest) = match &mut self.part {
            Decoder::Between(_) | Decoder::Over => (0, true),
            Decoder::Gzip(decoder) => decoder.read(buffer).map(|read| (read, read == 0))?,
            Decoder::Zstd(decoder) => decoder.read(buffer).map(|read| (read, read == 0))?,
            Decoder::Lz4(decoder) => decoder.read(buffer).map(|read| (read, read == 0))?,
        };
        if !rest {
            return Ok(Some(read));
        }
        let source = match std::mem::replace(&mut self.part, Decoder::Over) {
            Decoder::Between(source) => source,
            Decoder::Gzip(decoder) => decoder.source,
            Decoder::Zstd(decoder) => decoder.source,
            Decoder::Lz4(decoder) => decoder.into_source(),
            Decoder::Over => return Ok(Some(0)),
        };
        Ok(if self.begin(source)? { None } else { Some(0) })
    }
}

impl<R: io::Read> io::Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = loop {
            match self.step(buffer) {
                Ok(Some(read)) => break read,
                Ok(None) => {}
                Err(stop) => {
                    self.part = Decoder::Over;
                    return Err(stop.into_error(self.packing));
                }
            }
        };
        self.given += read as u64;
        if self.given > SMALL && self.given / MOST_GROWTH > self.taken() {
            let name = self.packing.name();
            self.part = Decoder::Over;
            return Err(io::Error::other(Damage(format!(
                "its {name} unpacks to more than {MOST_GROWTH} times its size, as no capture does"
            ))));
        }
        Ok(read)
    }
}

/// Fills `octets` from the input. Returns [`Stop::Cut`] if the input ends before.
pub(super) fn exact<R: io::Read>(source: &mut Source<R>, octets: &mut [u8]) -> Result<(), Stop> {
    source
        .read_exact(octets)
        .map_err(|_| source.failure.take().map_or(Stop::Cut, Stop::Failed))
}

/// Skips a skippable frame.
fn skip<R: io::Read>(source: &mut Source<R>) -> Result<(), Stop> {
    let mut header = [0; 8];
    exact(source, &mut header)?;
    let [.., a, b, c, d] = header;
    let mut left = u32::from_le_bytes([a, b, c, d]) as usize;
    let mut piece = [0; 4096];
    while left != 0 {
        let octets = left.min(piece.len());
        exact(source, piece.get_mut(..octets).unwrap_or_default())?;
        left -= octets;
    }
    Ok(())
}
