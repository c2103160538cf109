//! Links of several stations: LLC and SNAP (IEEE 802.2, RFC 1042), FDDI, Token Ring, ATM, and Ethernet with a tag of a switch.

use mermin_bpf::{
    abi::ledger::Reason,
    wire::{ethernet, ethertype},
};

use super::{captured::Captured, start::Start};

/// The protocol identifier (ISO/IEC TR 9577) that a SNAP header follows.
pub(super) const SNAP_NLPID: u8 = 0x80;
/// Octets of the addresses of FDDI and Token Ring before LLC: control, receiver, sender.
const FDDI: usize = 13;
const TOKEN_RING: usize = 14;
/// The sender's address behind the receiver's.
const MAC: usize = ethernet::MAC;

/// LLC. `bridged` octets stand before an Ethernet frame that it carries.
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

/// The organization and its number for a protocol.
pub(super) fn snap(bytes: Captured<'_>, at: usize, bridged: usize) -> Result<Start, Reason> {
    let [a, b, c, kind @ ..] = bytes.field::<5>(at)?;
    let (kind, at) = (u16::from_be_bytes(kind), at + 5);
    match ([a, b, c], kind) {
        // RFC 1042, and IEEE 802.1H.
        ([0, 0, 0 | 0xf8], _) => Ok(Start::new(kind, at)),
        // RFC 2684: Ethernet with its check sequence, and without.
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok(Start::ethernet(at + bridged)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// IP by its identifier of ISO/IEC TR 9577.
pub(super) const fn nlpid(nlpid: u8, at: usize) -> Result<Start, Reason> {
    match nlpid {
        0xcc => Ok(Start::new(ethertype::IPV4, at)),
        0x8e => Ok(Start::new(ethertype::IPV6, at)),
        _ => Err(Reason::OtherEthertype),
    }
}

/// FDDI: frames that carry LLC (ISO 9314-2).
pub(super) fn fddi(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    // Asynchronous, with long addresses, of whatever priority.
    if bytes.octet(at)? & 0xf0 != 0x50 {
        return Err(Reason::OtherEthertype);
    }
    let start = llc(bytes, at + FDDI, 0)?;
    Ok(start.sent_by(at + 1 + MAC))
}

/// Token Ring (IEEE 802.5), with the route that a frame takes, if it says one.
pub(super) fn token_ring(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    if bytes.octet(at + 1)? & 0xc0 != 0x40 {
        return Err(Reason::OtherEthertype);
    }
    let sender = at + 2 + MAC;
    let route = match bytes.octet(sender)? & 0x80 {
        0 => 0,
        _ => usize::from(bytes.octet(at + TOKEN_RING)? & 0x1f),
    };
    let start = llc(bytes, at + TOKEN_RING + route, 0)?;
    // The bit for a route stands in the sender's address: it is not told then.
    Ok(if route == 0 {
        start.sent_by(sender)
    } else {
        start
    })
}

/// A frame in cells of ATM (RFC 2684): LLC, and before a bridged frame two octets of padding.
pub(super) fn atm(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    llc(bytes, at, 2)
}

/// The same, or IP as it is (RFC 2225).
pub(super) fn classical_ip(bytes: Captured<'_>, at: usize) -> Result<Start, Reason> {
    match bytes.octet(at)? {
        0xaa => atm(bytes, at),
        _ => Ok(Start::bare_ip(at)),
    }
}

/// Octets that `SunATM` puts before a frame: its kind, and where it is from.
pub(super) const SUN_ATM: usize = 4;

pub(super) fn sun_atm(bytes: Captured<'_>) -> Result<Start, Reason> {
    match bytes.octet(0)? & 0x0f {
        // LAN emulation: an Ethernet frame behind the number of its sender.
        1 => Ok(Start::ethernet(SUN_ATM + 2)),
        2 => atm(bytes, SUN_ATM),
        _ => Err(Reason::OtherEthertype),
    }
}

/// IP over `FireWire` (RFC 2734), as Apple captures it: two addresses of eight octets and an EtherType.
pub(super) fn firewire(bytes: Captured<'_>) -> Result<Start, Reason> {
    Ok(Start::new(bytes.be16(16)?, 18))
}

/// IP over `InfiniBand` (RFC 4391): the receiver's address, an EtherType, two octets of nothing.
pub(super) fn infiniband(bytes: Captured<'_>) -> Result<Start, Reason> {
    Ok(Start::new(bytes.be16(40)?, 44))
}

/// Ethernet with so many octets between addresses and EtherType: the tag of a switch's chip.
pub(super) fn tagged(bytes: Captured<'_>, tag: usize) -> Result<Start, Reason> {
    let kind = bytes.be16(2 * MAC + tag)?;
    Ok(Start::new(kind, 2 * MAC + tag + 2).sent_by(MAC))
}

/// A tag of Broadcom's before the frame.
pub(super) const PREPENDED: usize = 4;
