//! snoop (RFC 1761): a file header, then records, all in network byte order.

use std::io;

use super::{
    Interface, PcapError,
    buffer::Buffer,
    link,
    packet::{LONGEST, Packet, Parsed},
    time::{self, Resolution},
    word::Order,
};

/// Octets of the file's header: a name, the version, the datalink type.
pub(super) const HEADER: usize = 16;
const NAME: [u8; 8] = *b"snoop\0\0\0";
const VERSION: u32 = 2;
/// Octets of a record's header: original length, captured length, record length, drops, seconds and microseconds.
const RECORD: usize = 24;

pub(super) struct Snoop;

impl Snoop {
    /// Returns true if a file with this beginning is a snoop file.
    pub(super) fn is(start: [u8; 4]) -> bool {
        NAME.starts_with(&start)
    }

    /// Reads the file's header, once all of it is in memory.
    pub(super) fn open<R: io::Read>(
        buffer: &mut Buffer<R>,
    ) -> Result<Option<Interface>, PcapError> {
        let Some(header) = buffer.data().get(..HEADER) else {
            return Ok(None);
        };
        let word = |at| Order::Big.u32_at(header, at).unwrap_or_default();
        if !header.starts_with(&NAME) {
            return Err(PcapError::foreign(header));
        }
        let (version, datalink) = (word(8), word(12));
        let remedy = "convert it: `editcap -F pcapng IN OUT`";
        if version != VERSION {
            let why = format!("version {version} of snoop is not known");
            return Err(PcapError::unsupported(0, why, remedy));
        }
        let Some(number) = link(datalink) else {
            let name = name(datalink).map_or_else(String::new, |name| format!(" ({name})"));
            let why = format!("its datalink type is {datalink}{name}, which is not read");
            return Err(PcapError::unsupported(0, why, remedy));
        };
        buffer.take(HEADER, 0..0);
        Ok(Some(Interface::unnamed(number)))
    }

    /// Reads a record.
    pub(super) fn parse<R: io::Read>(buffer: &mut Buffer<R>) -> Result<Parsed, PcapError> {
        let data = buffer.data();
        let word = |at| Order::Big.u32_at(data, at);
        let (Some(length), Some(captured), Some(record), Some(seconds), Some(fraction)) =
            (word(0), word(4), word(8), word(16), word(20))
        else {
            return Ok(Parsed::Needs(RECORD));
        };
        let (captured, whole) = (captured as usize, record as usize);
        if record > LONGEST || whole < RECORD || whole - RECORD < captured {
            return Err(PcapError::new(
                buffer.offset(),
                format!("a packet record of {whole} octets claims {captured} captured octets"),
            ));
        }
        if data.len() < whole {
            return Ok(Parsed::Needs(whole));
        }
        Ok(Parsed::Packet(Packet {
            // Padding follows the captured octets.
            at: buffer.take(whole, RECORD..RECORD + captured),
            length: length.max(u32::try_from(captured).unwrap_or(u32::MAX)),
            time: Some(time::classic(seconds, fraction, Resolution::MICROSECONDS)),
            interface: 0,
        }))
    }
}

/// Returns the link type of a datalink type.
const fn link(datalink: u32) -> Option<u32> {
    match datalink {
        0 | 4 => Some(link::ETHERNET),
        2 => Some(link::TOKEN_RING),
        8 => Some(link::FDDI),
        _ => None,
    }
}

/// Returns the name of a datalink type in RFC 1761.
const fn name(datalink: u32) -> Option<&'static str> {
    Some(match datalink {
        1 => "IEEE 802.4 Token Bus",
        3 => "IEEE 802.6 Metro Net",
        5 => "HDLC",
        6 => "Character Synchronous",
        7 => "IBM Channel-to-Channel",
        9 => "Other",
        _ => return None,
    })
}
