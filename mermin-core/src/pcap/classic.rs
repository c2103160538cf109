//! The pcap format: a file header, then records.

mod header;

use std::io;

use self::header::{Header, Lengths};
use super::{
    Interface, PcapError,
    buffer::Buffer,
    link,
    packet::{LONGEST, Packet, Parsed},
    time,
};

/// Octets of the file's header.
pub(super) const HEADER: usize = header::LENGTH;

/// The layout of a file's records.
#[derive(Debug)]
pub(super) struct Classic(Header);

impl Classic {
    /// Returns true if a file with this beginning is a pcap file.
    pub(super) fn is(start: [u8; 4]) -> bool {
        header::magic(start).is_some()
    }

    /// Reads the file's header, once all of it is in memory.
    pub(super) fn open<R: io::Read>(
        buffer: &mut Buffer<R>,
    ) -> Result<Option<(Self, Interface)>, PcapError> {
        let Some(start) = buffer.data().first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let header = Header::read(start)?;
        let link = header.link;
        if link::Layer::of(link).is_none() {
            return Err(link::unsupported(0, link, None));
        }
        buffer.take(HEADER, 0..0);
        Ok(Some((Self(header), Interface::unnamed(link))))
    }

    /// Reads a record.
    pub(super) fn parse<R: io::Read>(&self, buffer: &mut Buffer<R>) -> Result<Parsed, PcapError> {
        let data = buffer.data();
        let Header { order, record, .. } = self.0;
        let word = |at| order.u32_at(data, at);
        let (Some(seconds), Some(fraction), Some(first), Some(second), true) =
            (word(0), word(4), word(8), word(12), data.len() >= record)
        else {
            return Ok(Parsed::Needs(record));
        };
        let [captured, length] = match self.0.lengths {
            Lengths::CapturedFirst => [first, second],
            Lengths::WireFirst => [second, first],
            Lengths::Either => [first.min(second), first.max(second)],
        };
        if captured > LONGEST {
            return Err(PcapError::new(
                buffer.offset(),
                format!("a packet record claims {captured} captured octets"),
            ));
        }
        let needed = record + captured as usize;
        if data.len() < needed {
            return Ok(Parsed::Needs(needed));
        }
        Ok(Parsed::Packet(Packet {
            at: buffer.take(needed, record..needed),
            // Some writers give an original length below the captured one.
            length: length.max(captured),
            time: Some(time::classic(seconds, fraction, self.0.resolution)),
            interface: 0,
        }))
    }
}
