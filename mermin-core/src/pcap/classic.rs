//! pcap: a header, then records.

use std::io;

use pcap_parser::{
    LegacyPcapBlock, PcapError, nom::IResult, parse_pcap_frame, parse_pcap_frame_be,
    parse_pcap_frame_modified, parse_pcap_header,
};

use super::{
    Broken, Interface, LONGEST, Packet, Parsed,
    buffer::Buffer,
    link,
    time::{self, Resolution},
};

/// Octets of the file's header.
pub(super) const HEADER: usize = 24;
/// Octets before a packet.
const RECORD: usize = 16;
/// The same in the files of a Linux kernel patch of 1999, which also noted interface and protocol.
const MODIFIED_RECORD: usize = 24;
/// Where in either the captured length is.
const LENGTH_AT: usize = 8;
/// Link types have 26 bits; above are the length of the frame check sequence and whether there is one.
const LINK_MASK: u32 = 0x03ff_ffff;

type ParseRecord = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// How a file's records are read.
#[derive(Debug)]
pub(super) struct Classic {
    parse: ParseRecord,
    header: usize,
    big_endian: bool,
    resolution: Resolution,
}

impl Classic {
    /// Reads the file's header, once it is there.
    pub(super) fn open<R: io::Read>(
        buffer: &mut Buffer<R>,
    ) -> Result<Option<(Self, Interface)>, Broken> {
        let Some(start) = buffer.data().first_chunk::<HEADER>() else {
            // What is no capture may well be shorter than a header.
            return match (
                buffer.data().first_chunk(),
                parse_pcap_header(buffer.data()),
            ) {
                (Some(magic), Err(pcap_parser::nom::Err::Error(_))) => Err(Broken::foreign(*magic)),
                _ => Ok(None),
            };
        };
        let [a, b, c, d, ..] = *start;
        let (_, header) = parse_pcap_header(start).map_err(|_| Broken::foreign([a, b, c, d]))?;
        let number = header.network.0.cast_unsigned() & LINK_MASK;
        if link::Layer::of(number).is_none() {
            return Err(link::unsupported(0, number, None));
        }
        let (parse, length): (ParseRecord, usize) = if header.is_modified_format() {
            (parse_pcap_frame_modified, MODIFIED_RECORD)
        } else if header.is_bigendian() {
            (parse_pcap_frame_be, RECORD)
        } else {
            (parse_pcap_frame, RECORD)
        };
        let resolution = if header.is_nanosecond_precision() {
            Resolution::NANOSECONDS
        } else {
            Resolution::MICROSECONDS
        };
        let file = Self {
            parse,
            header: length,
            big_endian: header.is_bigendian(),
            resolution,
        };
        buffer.take(HEADER, 0..0);
        Ok(Some((file, Interface::unnamed(number))))
    }

    /// Reads a record.
    pub(super) fn parse<R: io::Read>(&self, buffer: &mut Buffer<R>) -> Result<Parsed, Broken> {
        let data = buffer.data();
        let Some(length) = data
            .get(LENGTH_AT..self.header)
            .and_then(|from| from.first_chunk::<4>())
        else {
            return Ok(Parsed::Needs(self.header));
        };
        let length = if self.big_endian {
            u32::from_be_bytes(*length)
        } else {
            u32::from_le_bytes(*length)
        };
        if length > LONGEST {
            return Err(Broken::new(
                buffer.offset(),
                format!("a packet record claims {length} captured octets"),
            ));
        }
        let needed = self.header + length as usize;
        if data.len() < needed {
            return Ok(Parsed::Needs(needed));
        }
        let Ok((_, record)) = (self.parse)(data) else {
            return Err(Broken::new(
                buffer.offset(),
                "a packet record cannot be read",
            ));
        };
        let (length, time) = (
            record.origlen.max(record.caplen),
            time::classic(record.ts_sec, record.ts_usec, self.resolution),
        );
        Ok(Parsed::Packet(Packet {
            at: buffer.take(needed, self.header..needed),
            length,
            time: Some(time),
            interface: 0,
        }))
    }
}
