//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

mod block_packet;

use std::io;

use pcap_parser::{Block, parse_block_be, parse_block_le};

use self::block_packet::BlockPacket;
use super::{
    Format, PcapError,
    buffer::Buffer,
    interface::Interface,
    link,
    packet::{LONGEST, Packet, Parsed},
};

/// Block type of a section header: the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete since 2009, and still in use.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// A longer block that this reader does not use is skipped without a look at its trailer.
const LONGEST_LOOKED_THROUGH: u32 = 64 << 10;

/// Octets of an empty block: its type, its length, and its length again.
const SHORTEST: u32 = 12;
/// Offset of the byte-order magic in a section header.
const MAGIC_AT: usize = 8;
const MAGIC: u32 = 0x1a2b_3c4d;
const MAJOR_VERSION: u16 = 1;
/// More than any host has. A damaged file must not fill the memory with interfaces.
const MOST_INTERFACES: usize = 1 << 16;

/// The current section.
#[derive(Debug)]
pub(super) struct Ng {
    big_endian: bool,
    /// Number of interfaces in earlier sections.
    before: usize,
    /// Error for the first packet of an unsupported link type.
    unread: Option<PcapError>,
}

/// The words at the start of a block.
struct Start {
    kind: u32,
    length: u32,
    big_endian: bool,
}

impl Start {
    /// Returns true if this reader uses the block.
    fn is_read(&self) -> bool {
        matches!(
            self.kind,
            SECTION_HEADER | INTERFACE_DESCRIPTION | PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        )
    }
}

impl Ng {
    /// Reads the file's first section header, once all of it is in memory.
    pub(super) fn open<R: io::Read>(
        buffer: &mut Buffer<R>,
        format: &mut Format,
    ) -> Result<Parsed, PcapError> {
        let mut section = Self {
            big_endian: false,
            before: 0,
            unread: None,
        };
        let parsed = section.parse(buffer, &mut Vec::new())?;
        if matches!(parsed, Parsed::Other) {
            *format = Format::Ng(section);
        }
        Ok(parsed)
    }

    /// Ends the file. Returns an error if the file has packets, but no interface of a supported link type.
    pub(super) fn end(&mut self, interfaces: &[Interface]) -> Result<(), PcapError> {
        let read = interfaces.iter().any(|interface| interface.layer.is_some());
        match self.unread.take() {
            Some(broken) if !read => Err(broken),
            _ => Ok(()),
        }
    }

    /// Reads a block.
    pub(super) fn parse<R: io::Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        interfaces: &mut Vec<Interface>,
    ) -> Result<Parsed, PcapError> {
        if buffer.is_skipping() {
            return Ok(Parsed::Needs(0));
        }
        let at = buffer.offset();
        let broken = |why: String| PcapError::new(at, why);
        let start = match self.start(buffer.data()) {
            Ok(start) => start,
            Err(Some(why)) => return Err(broken(why)),
            Err(None) => return Ok(Parsed::Needs(SHORTEST as usize)),
        };
        let kind = start.kind;
        if !start.is_read() && start.length > LONGEST_LOOKED_THROUGH {
            buffer.skip(u64::from(start.length));
            return Ok(Parsed::Other);
        }
        let length = start.length as usize;
        let Some(whole) = buffer.data().get(..length) else {
            return Ok(Parsed::Needs(length));
        };
        if whole.last_chunk() != whole.get(4..).and_then(|from| from.first_chunk::<4>()) {
            return Err(broken(format!(
                "the two lengths of a block of type {kind:#x} differ"
            )));
        }
        if !start.is_read() {
            buffer.take(length, 0..0);
            return Ok(Parsed::Other);
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
                    return Err(PcapError::unsupported(
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
            Block::EnhancedPacket(packet) => Some(BlockPacket::enhanced(&packet)),
            Block::SimplePacket(packet) => {
                Some(BlockPacket::simple(&packet, interfaces.get(self.before)))
            }
            Block::Unknown(packet) if kind == PACKET => {
                BlockPacket::obsolete(packet.data, self.big_endian)
            }
            _ => None,
        };
        if let Some(found) = found {
            return self.packet(buffer, length, &found, interfaces);
        }
        // An obsolete packet block that is too short for its header is also passed over.
        buffer.take(length, 0..0);
        Ok(Parsed::Other)
    }

    /// Consumes a block of this length, and returns its packet.
    fn packet<R>(
        &mut self,
        buffer: &mut Buffer<R>,
        length: usize,
        found: &BlockPacket,
        interfaces: &[Interface],
    ) -> Result<Parsed, PcapError> {
        let at = buffer.offset();
        let place = self.before + found.interface as usize;
        let Some(interface) = interfaces.get(place) else {
            let why = format!(
                "a packet names interface {}, of which its section has {}",
                found.interface,
                interfaces.len() - self.before
            );
            return Err(PcapError::new(at, why));
        };
        if interface.layer.is_none() && self.unread.is_none() {
            let whose = (found.interface, interface.name.as_deref());
            self.unread = Some(link::unsupported(at, interface.link, Some(whose)));
        }
        let captured = u32::try_from(found.captured).unwrap_or(u32::MAX);
        Ok(Parsed::Packet(Packet {
            at: buffer.take(length, found.at..found.at + found.captured),
            length: found.length.max(captured),
            time: found.units.map(|units| interface.time(units)),
            interface: place,
        }))
    }

    /// Reads type and length. `Err(None)` if they are not in memory yet, `Err(Some)` with the reason if they are
    /// invalid.
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
        let start = Start {
            kind,
            length: word(4, big_endian).ok_or(None)?,
            big_endian,
        };
        let length = start.length;
        if length < SHORTEST {
            return Err(Some(format!("a block claims a length of {length} octets")));
        }
        if start.is_read() && length > LONGEST {
            return Err(Some(format!(
                "a block of type {kind:#x} claims a length of {length} octets"
            )));
        }
        Ok(start)
    }
}
