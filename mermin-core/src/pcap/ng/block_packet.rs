//! Packets in the three kinds of packet blocks.

use pcap_parser::{EnhancedPacketBlock, SimplePacketBlock};

use crate::pcap::interface::Interface;

/// Offsets of the data in packet blocks.
const ENHANCED_AT: usize = 28;
const SIMPLE_AT: usize = 12;

/// A packet within its block.
pub(super) struct BlockPacket {
    /// Number of the interface in its section.
    pub(super) interface: u32,
    pub(super) units: Option<u64>,
    /// Octets on the wire.
    pub(super) length: u32,
    /// Offset of the packet in the block.
    pub(super) at: usize,
    pub(super) captured: usize,
}

impl BlockPacket {
    pub(super) fn enhanced(block: &EnhancedPacketBlock<'_>) -> Self {
        Self {
            interface: block.if_id,
            units: Some(u64::from(block.ts_high) << 32 | u64::from(block.ts_low)),
            length: block.origlen,
            at: ENHANCED_AT,
            captured: block.data.len().min(block.caplen as usize),
        }
    }

    /// Reads a simple packet block. Its captured length follows from the block's length.
    pub(super) fn simple(block: &SimplePacketBlock<'_>, interface: Option<&Interface>) -> Self {
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

    /// Reads an obsolete packet block: interface and drops (two octets each), time (two words), captured and original
    /// length, data.
    pub(super) fn obsolete(body: &[u8], big_endian: bool) -> Option<Self> {
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
