//! Point-to-point links: PPP (RFC 1661, 1662), Cisco's HDLC, Frame Relay (RFC 2427), SLIP.

use mermin_bpf::{abi::ledger::Reason, wire::ethertype};

use super::{captured::Captured, lan, start::Start};

/// PPP in HDLC-like framing: all stations, unnumbered information.
const PPP_ADDRESS: [u8; 2] = [0xff, 0x03];
/// Addresses of Cisco's HDLC: unicast, broadcast.
const CISCO: [u8; 2] = [0x0f, 0x8f];
/// Unnumbered information.
const UI: u8 = 0x03;

/// Reads PPP. The address may be absent, and the protocol may have one octet (RFC 1661, section 6.5).
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

/// Reads PPP or Cisco's HDLC, which may use the same line (RFC 1547, section 4.3.1).
pub(super) fn ppp_or_cisco(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    if CISCO.contains(&bytes.octet(at)?) {
        cisco(bytes, at)
    } else {
        ppp(bytes, at)
    }
}

/// Reads PPP over Ethernet without the Ethernet header: both stages (RFC 2516).
pub(super) fn pppoe(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    // Code 0 is the session stage.
    match bytes.octet(at + 1)? {
        0 => Ok(Start::new(ethertype::PPPOE_SESSION, at)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads Cisco's HDLC: address, control, and a protocol with the numbers of EtherTypes. 0x8035 is Cisco's keep-alive
/// here.
pub(super) fn cisco(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    match bytes.field(at) {
        // Some lines carry both PPP and Cisco's HDLC.
        Ok(PPP_ADDRESS) => ppp(bytes, at),
        _ => Start::numbered(bytes.be16(at + 2)?, at + 4),
    }
}

/// Reads Frame Relay: an address of two to four octets, then either the format of RFC 2427 or an EtherType (Cisco's
/// format).
pub(super) fn frame_relay(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    /// Set in the last octet of an address.
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
    // Some protocols have a padding octet for alignment.
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

/// Reads Multilink Frame Relay (FRF.16): a sequence number and a whole frame or a fragment.
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

/// Octets of the capture's header before a SLIP packet: the direction, and the compressed TCP header as on the line
/// (RFC 1144). The packet behind it is complete.
pub(super) const SLIP: usize = 16;
