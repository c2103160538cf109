//! A reader that counts its octets, so that statistics say how far a file was read.

use std::{io, sync::Arc};

use super::shared::Shared;

/// Below decompression: octets are those of the file.
pub(super) struct CountedReader<R> {
    pub(super) reader: R,
    pub(super) shared: Arc<Shared>,
}

impl<R: io::Read> io::Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.reader.read(buffer)?;
        self.shared.add_read(octets);
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures::{StreamExt as _, executor::block_on};

    use crate::FlowSource;

    #[test]
    fn file_that_is_read_to_its_end_is_counted_whole() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/mixed.pcap");
        let mut source = block_on(FlowSource::builder().pcap(path).open()).unwrap();
        while let Some(flow) = block_on(source.next()) {
            flow.unwrap();
        }
        let read = source.handle().stats().capture_octets_read;
        assert_eq!(read, fs::metadata(path).unwrap().len());
    }
}
