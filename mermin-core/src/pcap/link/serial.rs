//! Links between two ends: PPP (RFC 1661, 1662), Cisco's HDLC, Frame Relay (RFC 2427), SLIP.

use mermin_bpf::{abi::ledger::Reason, wire::ethertype};

use super::{captured::Captured, lan, start::Start};

/// PPP in HDLC-like framing: all stations, unnumbered information.
const PPP_ADDRESS: [u8; 2] = [0xff, 0x03];
/// Cisco's HDLC: to one, to all.
const CISCO: [u8; 2] = [0x0f, 0x8f];
/// Unnumbered information.
const UI: u8 = 0x03;

/// PPP. The address may be left out, and the protocol may have one octet (RFC 1661, section 6.5).
pub(super) fn ppp(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    let at = match bytes.field(at) {
        Ok(PPP_ADDRESS) => at + PPP_ADDRESS.len(),
        _ => at,
    };
    let first = bytes.octet(at)?;
    let (protocol, at) = if first & 1 != 0 {
        (u16::from(first), at + 1)
    } else {
        (bytes.be16(at)?, at + 2)
    };
    let kind = match protocol {
        0x0021 => ethertype::IPV4,
        0x0057 => ethertype::IPV6,
        0x0281 => ethertype::MPLS,
        0x0283 => ethertype::MPLS_UPSTREAM,
        _ => return Err(Reason::OtherEthertype),
    };
    Ok(Start::new(kind, at))
}

/// PPP, or Cisco's HDLC on the same line (RFC 1547, section 4.3.1).
pub(super) fn ppp_or_cisco(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    if CISCO.contains(&bytes.octet(at)?) {
        cisco(bytes, at)
    } else {
        ppp(bytes, at)
    }
}

/// PPP over Ethernet without the Ethernet header: of both stages (RFC 2516).
pub(super) fn pppoe(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    // The code: 0 is the session stage.
    match bytes.octet(at + 1)? {
        0 => Ok(Start::new(ethertype::PPPOE_SESSION, at)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Address, control, and a protocol numbered as EtherTypes are. 0x8035 is Cisco's keep-alive here.
pub(super) fn cisco(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    match bytes.field(at) {
        // Some lines have both.
        Ok(PPP_ADDRESS) => ppp(bytes, at),
        _ => Start::numbered(bytes.be16(at + 2)?, at + 4),
    }
}

/// An address of two to four octets, then what RFC 2427 has there, or Cisco: an EtherType.
pub(super) fn frame_relay(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    /// The last octet of an address has this bit.
    const LAST: u8 = 1;
    if bytes.octet(at)? & LAST != 0 {
        return Err(Reason::OtherEthertype);
    }
    let mut at = at + 1;
    let most = at + 3;
    loop {
        at += 1;
        if bytes.octet(at - 1)? & LAST != 0 {
            break;
        }
        if at == most {
            return Err(Reason::OtherEthertype);
        }
    }
    if bytes.octet(at)? != UI {
        return Start::numbered(bytes.be16(at)?, at + 2);
    }
    // A padding octet makes the headers of some protocols even.
    let at = if bytes.octet(at + 1)? == 0 {
        at + 2
    } else {
        at + 1
    };
    match bytes.octet(at)? {
        lan::SNAP_NLPID => lan::snap(bytes, at + 1, 0),
        0xcf => ppp(bytes, at + 1),
        nlpid => lan::nlpid(nlpid, at + 1),
    }
}

/// Frame Relay over several lines (FRF.16): a whole frame or a part of one, with a number.
pub(super) fn multilink_frame_relay(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    const BEGINS: u8 = 0x80;
    const ENDS: u8 = 0x40;
    const CONTROL: u8 = 0x20;
    let bits = bytes.octet(at)?;
    if bits & CONTROL != 0 {
        return Err(Reason::OtherEthertype);
    }
    if bits & BEGINS == 0 {
        return Err(Reason::Fragment);
    }
    Ok(Start {
        goes_on: bits & ENDS == 0,
        ..frame_relay(bytes, at + 2)?
    })
}

/// Header that the capture put before a packet of SLIP: the direction, and its TCP header as it was compressed on the line
/// (RFC 1144). The packet behind is whole.
pub(super) const SLIP: usize = 16;
