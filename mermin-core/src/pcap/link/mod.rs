//! Link types: the headers before the IP header of a captured packet.
//!
//! Capture headers (Linux cooked, BSD loopback, radiotap and others) were never on the wire, so lengths do not
//! include them.

mod captured;
mod cooked;
mod lan;
mod names;
mod record;
mod serial;
mod start;
mod wlan;
mod wrapped;

use std::cell::Cell;

pub(crate) use mermin_bpf::track::parsed_frame::ParseOptions;
use mermin_bpf::{
    abi::ledger::Reason,
    track::parsed_frame::{ParsedFrame, parse_frame},
    wire::{ethernet, ethertype, packet::Frame, walk_start},
};

pub(crate) use self::names::described;
use self::{
    captured::Captured,
    cooked::{COOKED, COOKED_2},
    start::{Own, Start},
};
use super::PcapError;

pub(super) const ETHERNET: u32 = 1;
pub(super) const TOKEN_RING: u32 = 6;
pub(super) const FDDI: u32 = 10;
pub(super) const ERF: u32 = 197;

/// A supported link type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// The IP header.
    Ip,
    /// An address family of four octets, in the byte order of the capturing host (NULL) or of the network (LOOP).
    Loopback,
    /// Linux cooked, version 1.
    Cooked,
    /// Linux cooked, version 2.
    Cooked2,
    /// IEEE 802.5.
    TokenRing,
    /// Serial line IP, behind a header of the capture.
    Slip,
    /// PPP or Cisco's HDLC.
    Ppp,
    /// PPP or Cisco's HDLC behind an octet for the direction.
    PppWithDirection,
    /// PPP over Ethernet, without the Ethernet header.
    Pppoe,
    /// FDDI.
    Fddi,
    /// LLC in AAL5 frames of ATM.
    Atm,
    /// LLC in AAL5 frames of ATM, or bare IP.
    ClassicalIp,
    /// A frame of ATM behind a header of `SunATM`.
    SunAtm,
    /// Cisco's HDLC.
    Cisco,
    /// Cisco's HDLC behind an octet for the direction.
    CiscoWithDirection,
    /// IEEE 802.11.
    Wireless,
    /// IEEE 802.11 behind a header of Prism or AVS.
    Prism,
    /// IEEE 802.11 behind a header of AVS.
    Avs,
    /// IEEE 802.11 behind radiotap.
    Radiotap,
    /// Frame Relay.
    FrameRelay,
    /// Frame Relay behind an octet for the direction.
    FrameRelayWithDirection,
    /// Multilink Frame Relay.
    MultilinkFrameRelay,
    /// `OpenBSD`'s `IPsec`: an address family and two more words.
    Ipsec,
    /// `OpenBSD`'s packet filter.
    Pflog,
    /// IP over `FireWire`.
    FireWire,
    /// Juniper: Ethernet, PPP, Frame Relay, Cisco's HDLC.
    JuniperEthernet,
    JuniperPpp,
    JuniperFrameRelay,
    JuniperCisco,
    /// Per-Packet Information before a frame of another link type.
    Ppi,
    /// An ERF record.
    Erf,
    /// MPLS labels.
    Mpls,
    /// Solaris's IP observability.
    Ipnet,
    /// Linux netfilter.
    Nflog,
    /// Ethernet behind a header of Hilscher's analyzer.
    Netanalyzer,
    /// IP over `InfiniBand`.
    Infiniband,
    /// Apple's header before a frame of another link type.
    Pktap,
    /// Ethernet with a switch's tag of this many octets behind the addresses.
    Tagged(u8),
    /// Ethernet behind a switch's tag.
    Prepended,
}

/// Lengths and link addresses of a captured packet.
#[derive(Default)]
pub(crate) struct ParsedPacket {
    /// Octets of the frame on the wire.
    pub(crate) length: u32,
    /// Octets of the capture's own header.
    own: usize,
    /// MAC addresses of sender and receiver in the link's own header; zeroes if it has none.
    pub(crate) own_macs: [[u8; ethernet::MAC]; 2],
}

impl ParsedPacket {
    /// The octets of the frame alone.
    pub(crate) fn frame<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        octets.get(self.own..).unwrap_or_default()
    }

    /// Returns MAC addresses of sender and receiver: the sender's at `mac_at` in the packet and the one before it, or else those
    /// of the link's own header.
    pub(crate) fn macs(&self, octets: &[u8], mac_at: u32) -> [[u8; ethernet::MAC]; 2] {
        if mac_at == 0 {
            return self.own_macs;
        }
        let sender = self.own + mac_at as usize;
        let receiver = sender.saturating_sub(ethernet::SOURCE_AT);
        [sender, receiver].map(|at| address(octets, at))
    }
}

impl Layer {
    /// Returns the link type with a number (the registry of link types at tcpdump.org).
    pub(crate) const fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 | 108 => Self::Loopback,
            ETHERNET => Self::Ethernet,
            TOKEN_RING => Self::TokenRing,
            8 => Self::Slip,
            9 | 50 => Self::Ppp,
            FDDI => Self::Fddi,
            // Some programs wrote 11 instead of 100; BSDs and old programs wrote 12 and 14 instead of 101.
            11 | 100 => Self::Atm,
            12 | 14 | 101 | 228 | 229 => Self::Ip,
            51 => Self::Pppoe,
            104 => Self::Cisco,
            105 => Self::Wireless,
            106 => Self::ClassicalIp,
            107 => Self::FrameRelay,
            109 => Self::Ipsec,
            113 => Self::Cooked,
            117 => Self::Pflog,
            119 => Self::Prism,
            123 => Self::SunAtm,
            127 => Self::Radiotap,
            138 => Self::FireWire,
            163 => Self::Avs,
            166 | 204 => Self::PppWithDirection,
            178 => Self::JuniperEthernet,
            179 => Self::JuniperPpp,
            180 => Self::JuniperFrameRelay,
            181 => Self::JuniperCisco,
            182 => Self::MultilinkFrameRelay,
            192 => Self::Ppi,
            ERF => Self::Erf,
            205 => Self::CiscoWithDirection,
            206 => Self::FrameRelayWithDirection,
            219 => Self::Mpls,
            226 => Self::Ipnet,
            239 => Self::Nflog,
            240 => Self::Netanalyzer,
            242 => Self::Infiniband,
            258 => Self::Pktap,
            276 => Self::Cooked2,
            // Tags of Broadcom and Marvell.
            281 | 284 => Self::Tagged(4),
            285 => Self::Tagged(8),
            282 => Self::Prepended,
            _ => return None,
        })
    }

    /// Returns true if a frame of any other link type follows its header.
    const fn is_wrapped(self) -> bool {
        matches!(self, Self::Ppi | Self::Pktap)
    }

    /// Reads the headers of a packet with `octets` captured and an original length of `length`. Returns them, or the reason why the
    /// packet is in no flow. They are large, so they are returned alone, which writes them to their place at once.
    pub(crate) fn read(
        self,
        octets: &[u8],
        length: u32,
        ifindex: u32,
        options: &ParseOptions,
        read: &mut ParsedPacket,
    ) -> Result<ParsedFrame, Reason> {
        let short = Cell::new(false);
        let bytes = Captured {
            octets,
            length: length as usize,
            short: &short,
            ifindex,
            options,
        };
        let mut own = Own::default();
        let start = match self.locate(bytes, &mut own) {
            _ if own.octets > bytes.length => Err(Reason::MalformedEthernet),
            start => start,
        };
        let wire = own
            .wire
            .unwrap_or_else(|| bytes.length.saturating_sub(own.octets));
        let own_macs = match &start {
            Ok(start) => [start.sender_at, start.receiver_at]
                .map(|at| at.map_or([0; ethernet::MAC], |at| address(octets, at))),
            Err(_) => [[0; ethernet::MAC]; 2],
        };
        *read = ParsedPacket {
            length: u32::try_from(wire).unwrap_or(u32::MAX),
            own: own.octets,
            own_macs,
        };
        let mut outcome = match start {
            Ok(start) => walk(bytes.from(own.octets, wire), &start, &own),
            Err(reason) => Err(reason),
        };
        if short.get()
            && let Err(reason) = &mut outcome
        {
            *reason = Reason::Snapped;
        }
        outcome
    }

    /// Finds the first header that the packet parser understands, and the octets that belong to the capture.
    fn locate(self, bytes: Captured<'_>, own: &mut Own) -> Result<Start, Reason> {
        match self {
            Self::Ethernet => Ok(Start::ethernet(0)),
            Self::Ip => Ok(Start::bare_ip(0)),
            Self::Loopback => cooked::loopback(bytes, own),
            Self::Cooked => cooked::cooked(bytes, &COOKED, own),
            Self::Cooked2 => cooked::cooked(bytes, &COOKED_2, own),
            Self::TokenRing => lan::token_ring(bytes, 0),
            Self::Slip => Ok(Start::bare_ip(owned(own, serial::SLIP))),
            Self::Ppp => serial::ppp_or_cisco(bytes, 0),
            Self::PppWithDirection => serial::ppp_or_cisco(bytes, owned(own, 1)),
            Self::Pppoe => serial::pppoe(bytes, 0),
            Self::Fddi => lan::fddi(bytes, 0),
            Self::Atm => lan::atm(bytes, 0),
            Self::ClassicalIp => lan::classical_ip(bytes, 0),
            Self::SunAtm => {
                owned(own, lan::SUN_ATM);
                lan::sun_atm(bytes)
            }
            Self::Cisco => serial::cisco(bytes, 0),
            Self::CiscoWithDirection => serial::cisco(bytes, owned(own, 1)),
            Self::Wireless => wlan::frame(bytes, 0, false),
            Self::Prism => wlan::prism(bytes, own),
            Self::Avs => wlan::avs(bytes, own),
            Self::Radiotap => wlan::radiotap(bytes, own),
            Self::FrameRelay => serial::frame_relay(bytes, 0),
            Self::FrameRelayWithDirection => serial::frame_relay(bytes, owned(own, 1)),
            Self::MultilinkFrameRelay => serial::multilink_frame_relay(bytes, 0),
            Self::Ipsec => Ok(Start::bare_ip(owned(own, 12))),
            Self::Pflog => wrapped::pflog(bytes, own),
            Self::FireWire => lan::firewire(bytes),
            Self::JuniperEthernet => wrapped::juniper(bytes, own, |_, at| Ok(Start::ethernet(at))),
            Self::JuniperPpp => wrapped::juniper(bytes, own, serial::ppp),
            Self::JuniperFrameRelay => wrapped::juniper(bytes, own, serial::frame_relay),
            Self::JuniperCisco => wrapped::juniper(bytes, own, serial::cisco),
            Self::Ppi => wrapped::ppi(bytes, own),
            Self::Erf => record::erf(bytes, own),
            Self::Mpls => Ok(Start::new(ethertype::MPLS, 0)),
            Self::Ipnet => wrapped::ipnet(bytes, own),
            Self::Nflog => wrapped::nflog(bytes, own),
            Self::Netanalyzer => Ok(Start::ethernet(owned(own, 4))),
            Self::Infiniband => lan::infiniband(bytes),
            Self::Pktap => wrapped::pktap(bytes, own),
            Self::Tagged(tag) => lan::tagged(bytes, usize::from(tag)),
            Self::Prepended => Ok(Start::ethernet(owned(own, lan::PREPENDED))),
        }
    }
}

/// Stores the number of octets that the capture put before the frame; returns where the frame begins.
fn owned(own: &mut Own, octets: usize) -> usize {
    own.octets = octets;
    octets
}

fn address(octets: &[u8], at: usize) -> [u8; ethernet::MAC] {
    octets
        .get(at..)
        .and_then(|from| from.first_chunk())
        .copied()
        .unwrap_or_default()
}

/// Walks through a frame from the first header that the packet parser understands.
fn walk(bytes: Captured<'_>, start: &Start, own: &Own) -> Result<ParsedFrame, Reason> {
    let frame = Frame {
        length: u32::try_from(bytes.length).unwrap_or(u32::MAX),
        ..Frame::default()
    };
    let start = walk_start::WalkStart {
        kind: start.kind,
        at: start.at.saturating_sub(own.octets),
        goes_on: start.goes_on,
        ..walk_start::WalkStart::outermost(&frame)
    };
    parse_frame(bytes, &frame, &start, bytes.options, bytes.ifindex)
}

/// Creates the error for an unsupported link type on the interface with this number and name.
pub(super) fn unsupported(
    at: u64,
    number: u32,
    interface: Option<(u32, Option<&str>)>,
) -> PcapError {
    let mut why = format!("its link type is {}", described(number));
    let remedy = match interface {
        None => "look at it with `tshark -r IN`: there is no IP header in a known place".to_owned(),
        Some((interface, name)) => {
            let name = name.map_or_else(String::new, |name| format!(" (`{name}`)"));
            why = format!("of interface {interface}{name} {why}");
            format!("leave it out: `tshark -r IN -Y 'frame.interface_id != {interface}' -w OUT`")
        }
    };
    PcapError::unsupported(at, format!("{why}, which is not read"), remedy)
}
