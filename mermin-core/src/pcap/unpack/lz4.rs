//! One frame of lz4.

use std::{
    fmt,
    io::{self, Read as _},
};

use lz4_flex::frame::FrameDecoder;

use super::{member::Stop, source::Source};

/// Smallest header: a magic, two flags, and a checksum of them.
const HEADER: usize = 7;
/// Octets that show the decoder's state. Within a frame they are its end mark, with a wrong checksum. As a frame
/// header, they make the decoder read all but the last octet and fail.
const END: [u8; 8] = [0; 8];

pub(super) struct Lz4<R: io::Read>(FrameDecoder<Source<R>>);

impl<R: io::Read> fmt::Debug for Lz4<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lz4").finish_non_exhaustive()
    }
}

impl<R: io::Read> Lz4<R> {
    pub(super) fn source(&self) -> &Source<R> {
        self.0.get_ref()
    }

    pub(super) fn into_source(self) -> Source<R> {
        self.0.into_inner()
    }
}

impl<R: io::Read> Lz4<R> {
    pub(super) fn begin(mut source: Source<R>) -> Result<Self, Stop> {
        // The decoder treats a truncated header as the end of the file.
        if source.peek_for(HEADER).map_err(Stop::Failed)?.len() < HEADER {
            return Err(Stop::Cut);
        }
        Ok(Self(FrameDecoder::new(source)))
    }

    /// Returns the next octets; none at the end of the frame.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        match self.0.read(buffer) {
            Ok(0) => self.ended().map(|()| 0),
            Ok(read) => Ok(read),
            Err(error) => Err(Stop::of(&error, self.0.get_mut())),
        }
    }

    /// Distinguishes the end of a frame from the end of the input within a frame; the decoder reports both alike. So
    /// this gives the decoder [`END`]: a decoder behind the end of a frame reads it as a header.
    fn ended(&mut self) -> Result<(), Stop> {
        let source = self.0.get_mut();
        if !source.peek().map_err(Stop::Failed)?.is_empty() {
            return Ok(());
        }
        source.probe(&END);
        let refused = self.0.read(&mut [0]).is_err();
        let source = self.0.get_mut();
        let is_header = source.probed() + 1 == END.len();
        source.probe(&[]);
        if refused && is_header {
            Ok(())
        } else {
            Err(Stop::Cut)
        }
    }
}
