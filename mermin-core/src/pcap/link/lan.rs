//! Multi-access links: LLC and SNAP (IEEE 802.2, RFC 1042), FDDI, Token Ring, ATM, and Ethernet with a switch's tag.

use mermin_bpf::{
    abi::ledger::Reason,
    wire::{ethernet, ethertype},
};

use super::{captured::Captured, start::Start};

/// The protocol identifier (ISO/IEC TR 9577) before a SNAP header.
pub(super) const SNAP_NLPID: u8 = 0x80;
/// Octets of FDDI and Token Ring before LLC: control, receiver, sender.
const FDDI: usize = 13;
const TOKEN_RING: usize = 14;
/// The sender's address follows the receiver's.
const MAC: usize = ethernet::MAC;

/// Reads LLC. If it carries an Ethernet frame, `bridged` octets precede the frame.
pub(super) fn llc(bytes: Captured<'_>, at: usize, bridged: usize) -> Result<Start, Reason> {
    /// Unnumbered information.
    const UI: u8 = 3;
    match bytes.field(at)? {
        [0xaa, 0xaa, UI] => snap(bytes, at + 3, bridged),
        [0x06, 0x06, UI] => Ok(Start::new(ethertype::IPV4, at + 3)),
        [0xfe, 0xfe, UI] => nlpid(bytes.octet(at + 3)?, at + 4),
        _ => Err(Reason::Llc),
    }
}

/// Reads SNAP: an organization and its number for a protocol.
pub(super) fn snap(bytes: Captured<'_>, at: usize, bridged: usize) -> Result<Start, Reason> {
    let [a, b, c, kind @ ..] = bytes.field::<5>(at)?;
    let (kind, at) = (u16::from_be_bytes(kind), at + 5);
    match ([a, b, c], kind) {
        // RFC 1042, and IEEE 802.1H.
        ([0, 0, 0 | 0xf8], _) => Ok(Start::new(kind, at)),
        // RFC 2684: Ethernet with and without its check sequence.
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok(Start::ethernet(at + bridged)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads IP by its identifier in ISO/IEC TR 9577.
pub(super) const fn nlpid(nlpid: u8, at: usize) -> Result<Start, Reason> {
    match nlpid {
        0xcc => Ok(Start::new(ethertype::IPV4, at)),
        0x8e => Ok(Start::new(ethertype::IPV6, at)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads FDDI frames with LLC (ISO 9314-2).
pub(super) fn fddi(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    // Asynchronous frames with long addresses, of any priority.
    if bytes.octet(at)? & 0xf0 != 0x50 {
        return Err(Reason::OtherEthertype);
    }
    let start = llc(bytes, at + FDDI, 0)?;
    Ok(start.sent_to(at + 1).sent_by(at + 1 + MAC))
}

/// Reads Token Ring (IEEE 802.5), with source routing if present.
pub(super) fn token_ring(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    if bytes.octet(at + 1)? & 0xc0 != 0x40 {
        return Err(Reason::OtherEthertype);
    }
    let receiver = at + 2;
    let sender = receiver + MAC;
    let route = match bytes.octet(sender)? & 0x80 {
        0 => 0,
        _ => usize::from(bytes.octet(at + TOKEN_RING)? & 0x1f),
    };
    let start = llc(bytes, at + TOKEN_RING + route, 0)?.sent_to(receiver);
    // The bit for source routing is in the sender's address, so there is no valid MAC address.
    Ok(if route == 0 {
        start.sent_by(sender)
    } else {
        start
    })
}

/// Reads an AAL5 frame of ATM (RFC 2684): LLC, with two octets of padding before a bridged frame.
pub(super) fn atm(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    llc(bytes, at, 2)
}

/// Reads an AAL5 frame of ATM with LLC (RFC 2684) or bare IP (RFC 2225).
pub(super) fn classical_ip(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    match bytes.octet(at)? {
        0xaa => atm(bytes, at),
        _ => Ok(Start::bare_ip(at)),
    }
}

/// Octets of `SunATM`'s header before a frame: its kind and its origin.
pub(super) const SUN_ATM: usize = 4;

pub(super) fn sun_atm(bytes: Captured<'_>) -> Result<Start, Reason> {
    match bytes.octet(0)? & 0x0f {
        // LAN emulation: the sender's number, then an Ethernet frame.
        1 => Ok(Start::ethernet(SUN_ATM + 2)),
        2 => atm(bytes, SUN_ATM),
        _ => Err(Reason::OtherEthertype),
    }
}

/// Reads IP over `FireWire` (RFC 2734) in Apple's format: two addresses of eight octets and an EtherType.
pub(super) fn firewire(bytes: Captured<'_>) -> Result<Start, Reason> {
    Ok(Start::new(bytes.be16(16)?, 18))
}

/// Reads IP over `InfiniBand` (RFC 4391): the receiver's address, an EtherType, two reserved octets.
pub(super) fn infiniband(bytes: Captured<'_>) -> Result<Start, Reason> {
    Ok(Start::new(bytes.be16(40)?, 44))
}

/// Reads Ethernet with `tag` octets of a switch's tag between addresses and EtherType.
pub(super) fn tagged(bytes: Captured<'_>, tag: usize) -> Result<Start, Reason> {
    let kind = bytes.be16(2 * MAC + tag)?;
    Ok(Start::new(kind, 2 * MAC + tag + 2).sent_to(0).sent_by(MAC))
}

/// Octets of Broadcom's tag before a frame.
pub(super) const PREPENDED: usize = 4;
