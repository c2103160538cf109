//! ERF, the Extensible Record Format of Endace: a record as a captured packet.

use mermin_bpf::abi::ledger::Reason;

use super::{
    captured::Captured,
    lan, serial,
    start::{Own, Start},
};

const HEADER: usize = 16;
const EXTENSION: usize = 8;
/// The highest bit of a type and of an extension header: an extension header follows.
const MORE: u8 = 0x80;

/// Reads a record's headers. The frame behind them has the length that the record states.
pub(super) fn erf(bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
    let kind = bytes.octet(8)?;
    let wire = usize::from(bytes.be16(14)?);
    own.octets = HEADER;
    let mut more = kind & MORE != 0;
    while more {
        more = bytes.octet(own.octets)? & MORE != 0;
        own.octets += EXTENSION;
    }
    own.wire = Some(wire);
    // Types with several channels have a header before their frames; Ethernet has an offset there.
    own.octets += match kind & !MORE {
        2 | 11 | 16 | 20 => 2,
        5..=9 | 12 | 17 => 4,
        _ => 0,
    };
    let at = own.octets;
    match kind & !MORE {
        // Packets over SONET, with one or several channels.
        1 | 5 | 10 | 15 | 17 | 19 => line(bytes, at),
        2 | 11 | 16 | 20 => Ok(Start::ethernet(at)),
        // AAL5: the frame follows the header of the first cell. Without its checksum, that header has four octets.
        4 | 9 => lan::atm(bytes, at + 4),
        22 | 23 => Ok(Start::bare_ip(at)),
        _ => Err(Reason::OtherLink),
    }
}

/// Reads a frame of a serial line. The record does not state the framing, so the first octets decide.
fn line(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    match bytes.field(at)? {
        [0x0f | 0x8f, 0] => serial::cisco(bytes, at),
        [0xff, 0x03] => serial::ppp(bytes, at),
        // The second octet ends an address of Frame Relay.
        [first, second] if first & 1 == 0 && second & 1 == 1 => serial::frame_relay(bytes, at),
        _ => serial::ppp(bytes, at),
    }
}
