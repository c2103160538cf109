//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

use std::io;

use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, OptionCode, SimplePacketBlock,
    parse_block_be, parse_block_le,
};

use super::{
    Broken, Format, LONGEST, Packet, Parsed,
    buffer::Buffer,
    link::{self, Layer},
    time::{self, Resolution},
};

/// Block type of a section header: the same in either byte order.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete since 2009, and still found.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Octets of a section header without options.
pub(super) const SHORTEST_SECTION_HEADER: usize = 28;
/// Octets of an empty block: its type, its length, and its length again.
const SHORTEST: u32 = 12;
/// Where the byte-order magic of a section header is.
const MAGIC_AT: usize = 8;
const MAGIC: u32 = 0x1a2b_3c4d;
const MAJOR_VERSION: u16 = 1;
/// Where the data of packet blocks begin.
const ENHANCED_AT: usize = 28;
const SIMPLE_AT: usize = 12;
/// More than any machine has; a damaged file must not fill memory with them.
const MOST_INTERFACES: usize = 1 << 16;

/// Where packets were captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Number of its link type.
    pub(crate) link: u32,
    /// How its packets are read, if they can be.
    pub(crate) layer: Option<Layer>,
    /// Its name, where the capture has it.
    pub(crate) name: Option<String>,
    resolution: Resolution,
    /// Seconds to add to its time stamps.
    time_offset: i64,
    /// Octets kept of a packet at most; 0 for all.
    snap: u32,
}

impl Interface {
    /// The one of a pcap file.
    pub(super) fn unnamed(link: u32) -> Self {
        Self {
            link,
            layer: Layer::of(link),
            name: None,
            resolution: Resolution::MICROSECONDS,
            time_offset: 0,
            snap: 0,
        }
    }

    fn described(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let option = |code: OptionCode| {
            let found = block.options.iter().find(|option| option.code == code)?;
            found.as_bytes().ok()
        };
        let time_offset = option(OptionCode::IfTsoffset)
            .and_then(|octets| octets.first_chunk::<8>())
            .map_or(0, |octets| {
                if big_endian {
                    i64::from_be_bytes(*octets)
                } else {
                    i64::from_le_bytes(*octets)
                }
            });
        Self {
            name: option(OptionCode::IfName)
                .map(|octets| String::from_utf8_lossy(octets))
                .map(|name| name.trim_end_matches('\0').to_owned())
                .filter(|name| !name.is_empty()),
            resolution: option(OptionCode::IfTsresol)
                .and_then(<[u8]>::first)
                .map_or(Resolution::MICROSECONDS, |&value| {
                    Resolution::from_option(value)
                }),
            time_offset,
            snap: block.snaplen,
            ..Self::unnamed(block.linktype.0.cast_unsigned())
        }
    }
}

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Ng {
    big_endian: bool,
    /// Interfaces of the sections before.
    before: usize,
}

/// The words at the start of a block.
struct Start {
    kind: u32,
    length: u32,
    big_endian: bool,
}

impl Ng {
    /// Reads the file's first section header, once it is there.
    pub(super) fn open<R: io::Read>(
        buffer: &mut Buffer<R>,
        format: &mut Format,
    ) -> Result<Parsed, Broken> {
        let mut section = Self {
            big_endian: false,
            before: 0,
        };
        let parsed = section.parse(buffer, &mut Vec::new())?;
        if matches!(parsed, Parsed::Other) {
            *format = Format::Ng(section);
        }
        Ok(parsed)
    }

    /// Reads a block.
    pub(super) fn parse<R: io::Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        interfaces: &mut Vec<Interface>,
    ) -> Result<Parsed, Broken> {
        if buffer.is_skipping() {
            return Ok(Parsed::Needs(0));
        }
        let at = buffer.offset();
        let broken = |why: String| Broken::new(at, why);
        let start = match self.start(buffer.data()) {
            Ok(start) => start,
            Err(Some(why)) => return Err(Broken::new(at, why)),
            Err(None) => return Ok(Parsed::Needs(SHORTEST as usize)),
        };
        let Start { kind, length, .. } = start;
        if length < SHORTEST {
            return Err(broken(format!(
                "a block claims a length of {length} octets"
            )));
        }
        if !matches!(
            kind,
            SECTION_HEADER | INTERFACE_DESCRIPTION | PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        ) {
            buffer.skip(u64::from(length));
            return Ok(Parsed::Other);
        }
        if length > LONGEST {
            return Err(broken(format!(
                "a block of type {kind:#x} claims a length of {length} octets"
            )));
        }
        let length = length as usize;
        let Some(whole) = buffer.data().get(..length) else {
            return Ok(Parsed::Needs(length));
        };
        if whole.last_chunk() != whole.get(4..).and_then(|from| from.first_chunk::<4>()) {
            return Err(broken(format!(
                "the two lengths of a block of type {kind:#x} differ"
            )));
        }
        let parse = if start.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let Ok((_, block)) = parse(whole) else {
            return Err(broken(format!("a block of type {kind:#x} cannot be read")));
        };
        let found = match block {
            Block::SectionHeader(header) => {
                if header.major_version != MAJOR_VERSION {
                    return Err(Broken::unsupported(
                        at,
                        format!("version {} of pcapng is not known", header.major_version),
                        "convert it: `editcap -F pcap IN OUT`",
                    ));
                }
                self.big_endian = start.big_endian;
                self.before = interfaces.len();
                None
            }
            Block::InterfaceDescription(block) => {
                if interfaces.len() >= MOST_INTERFACES {
                    return Err(broken(format!(
                        "it describes more than {MOST_INTERFACES} interfaces"
                    )));
                }
                interfaces.push(Interface::described(&block, self.big_endian));
                None
            }
            Block::EnhancedPacket(packet) => Some(Found::enhanced(&packet)),
            Block::SimplePacket(packet) => {
                Some(Found::simple(&packet, interfaces.get(self.before)))
            }
            Block::Unknown(packet) if kind == PACKET => {
                Found::obsolete(packet.data, self.big_endian)
            }
            _ => None,
        };
        let Some(found) = found else {
            // An obsolete packet block too short for its header holds nothing.
            buffer.take(length, 0..0);
            return Ok(Parsed::Other);
        };
        let number = self.before + found.interface as usize;
        let Some(interface) = interfaces.get(number) else {
            return Err(broken(format!(
                "a packet names interface {}, of which its section has {}",
                found.interface,
                interfaces.len() - self.before
            )));
        };
        if interface.layer.is_none() {
            return Err(link::unsupported(
                at,
                interface.link,
                Some((found.interface, interface.name.as_deref())),
            ));
        }
        let packet = Packet {
            at: buffer.take(length, found.at..found.at + found.captured),
            length: found
                .length
                .max(u32::try_from(found.captured).unwrap_or(u32::MAX)),
            time: found
                .units
                .map(|units| time::stamp(units, interface.resolution, interface.time_offset)),
            interface: number,
        };
        Ok(Parsed::Packet(packet))
    }

    /// Reads type and length. `Err(None)` when they are not there yet.
    fn start(&self, data: &[u8]) -> Result<Start, Option<String>> {
        let word = |at: usize, big_endian: bool| {
            let octets = data.get(at..)?.first_chunk::<4>()?;
            Some(if big_endian {
                u32::from_be_bytes(*octets)
            } else {
                u32::from_le_bytes(*octets)
            })
        };
        let kind = word(0, self.big_endian).ok_or(None)?;
        let big_endian = if kind == SECTION_HEADER {
            match word(MAGIC_AT, false).ok_or(None)? {
                MAGIC => false,
                swapped if swapped == MAGIC.swap_bytes() => true,
                magic => {
                    return Err(Some(format!(
                        "a section header has the byte-order magic {magic:#010x}"
                    )));
                }
            }
        } else {
            self.big_endian
        };
        Ok(Start {
            kind,
            length: word(4, big_endian).ok_or(None)?,
            big_endian,
        })
    }
}

/// A packet within its block.
struct Found {
    /// Number of the interface in its section.
    interface: u32,
    units: Option<u64>,
    /// Octets on the wire.
    length: u32,
    /// Where in the block the packet begins.
    at: usize,
    captured: usize,
}

impl Found {
    fn enhanced(block: &EnhancedPacketBlock<'_>) -> Self {
        Self {
            interface: block.if_id,
            units: Some(u64::from(block.ts_high) << 32 | u64::from(block.ts_low)),
            length: block.origlen,
            at: ENHANCED_AT,
            captured: block.data.len().min(block.caplen as usize),
        }
    }

    /// Its captured length is not told, but follows.
    fn simple(block: &SimplePacketBlock<'_>, interface: Option<&Interface>) -> Self {
        let snap = match interface.map(|interface| interface.snap) {
            None | Some(0) => u32::MAX,
            Some(snap) => snap,
        };
        Self {
            interface: 0,
            units: None,
            length: block.origlen,
            at: SIMPLE_AT,
            captured: block.data.len().min(block.origlen.min(snap) as usize),
        }
    }

    /// Interface and drops (two octets each), time (two words), captured and original length, data.
    fn obsolete(body: &[u8], big_endian: bool) -> Option<Self> {
        const DATA: usize = 20;
        let word = |at: usize| {
            let octets = body.get(at..)?.first_chunk::<4>()?;
            Some(if big_endian {
                u32::from_be_bytes(*octets)
            } else {
                u32::from_le_bytes(*octets)
            })
        };
        let first = word(0)?;
        Some(Self {
            interface: if big_endian {
                first >> 16
            } else {
                first & 0xffff
            },
            units: Some(u64::from(word(4)?) << 32 | u64::from(word(8)?)),
            length: word(16)?,
            at: 8 + DATA,
            captured: body.len().checked_sub(DATA)?.min(word(12)? as usize),
        })
    }
}
