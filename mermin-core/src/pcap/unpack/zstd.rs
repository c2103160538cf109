//! One frame of zstd (RFC 8878).

use std::{
    fmt,
    io::{self, Read as _},
};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{member::Stop, source::Source};

/// Largest window that a frame may ask for. `zstd` has the same default limit.
pub(super) const LARGEST_WINDOW: u64 = 128 << 20;
/// An empty last block, and four octets in place of a checksum.
const LAST: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

pub(super) struct Zstd<R> {
    pub(super) source: Source<R>,
    decoder: FrameDecoder,
    /// The reason to stop, returned after all earlier output.
    stopped: Option<Stop>,
}

impl<R> fmt::Debug for Zstd<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").finish_non_exhaustive()
    }
}

impl<R: io::Read> Zstd<R> {
    /// Reads the frame's header.
    pub(super) fn begin(mut source: Source<R>) -> Result<Self, Stop> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        match decoder.init(&mut source) {
            Ok(()) => Ok(Self {
                source,
                decoder,
                stopped: None,
            }),
            Err(error) => Err(Stop::of(&error, &mut source)),
        }
    }

    /// Returns the next octets; none at the end of the frame. The decoder holds octets back until they leave its
    /// window.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
                self.stopped = Some(Stop::of(&error, &mut self.source));
                // Makes the decoder release the octets it holds.
                let one = BlockDecodingStrategy::UptoBlocks(1);
                if self.decoder.decode_blocks(&LAST[..], one).is_err() {
                    break;
                }
            }
        }
        match self.decoder.read(buffer) {
            Ok(0) => {}
            Ok(read) => return Ok(read),
            Err(error) => return Err(Stop::Damaged(error.to_string())),
        }
        if let Some(stopped) = self.stopped.take() {
            return Err(stopped);
        }
        let told = self.decoder.get_checksum_from_data();
        if told.is_some() && told != self.decoder.get_calculated_checksum() {
            return Err(Stop::Damaged("its checksum is another".to_owned()));
        }
        Ok(0)
    }
}
