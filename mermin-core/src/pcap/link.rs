//! Link types: what stands before the IP header of a captured packet.
//!
//! Linux cooked and BSD loopback headers are the capture's own and never were on a wire, so lengths are told without them.

use std::{cell::Cell, fmt::Write as _};

use mermin_bpf::{
    abi::ledger::Reason,
    track::arrival::{Arrival, Counted, arrive},
    wire::{
        bytes::{Bytes, HEADER_LIMIT, Window},
        ethertype, layer,
        packet::Frame,
        tunnel::Ports,
    },
};

use super::Broken;

/// A kind of link that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// The IP header.
    Ip,
    /// An address family of four octets, in the byte order of who captured (NULL) or of the network (LOOP).
    Loopback,
    /// Linux cooked, version 1.
    Cooked,
    /// Linux cooked, version 2.
    Cooked2,
}

/// A cooked header: where in it the fields are.
struct Cooked {
    length: u32,
    protocol: usize,
    address: usize,
    /// One octet; of the two in version 1 the lower.
    address_length: usize,
}

const COOKED: Cooked = Cooked {
    length: 16,
    protocol: 14,
    address: 6,
    address_length: 5,
};
const COOKED_2: Cooked = Cooked {
    length: 20,
    protocol: 0,
    address: 12,
    address_length: 11,
};
const FAMILY: u32 = 4;
const MAC: usize = 6;

/// How packets are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looking {
    pub(crate) counted: Counted,
    pub(crate) ports: Ports,
}

/// A captured packet, read.
pub(crate) struct Read {
    /// What it holds, or why there is nothing.
    pub(crate) outcome: Result<Arrival, Reason>,
    /// Octets of the frame on the wire.
    pub(crate) length: u32,
}

impl Layer {
    /// By its number (the registry of link types at tcpdump.org).
    pub(crate) const fn of(number: u32) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            // 12 and 14 are what BSDs and old programs wrote for 101.
            12 | 14 | 101 | 228 | 229 => Some(Self::Ip),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            _ => None,
        }
    }

    /// Reads the headers of a packet of which `octets` were captured and that had `length` octets.
    pub(crate) fn read(self, octets: &[u8], length: u32, ifindex: u32, looking: &Looking) -> Read {
        let short = Cell::new(false);
        let bytes = Captured {
            octets,
            length: length as usize,
            short: &short,
            ifindex,
            looking,
        };
        let outcome = match self {
            Self::Ethernet => walk(bytes, ethertype::ETHERNET),
            Self::Ip => walk(bytes, layer::Layer::BARE_IP),
            Self::Loopback => loopback(bytes),
            Self::Cooked => cooked(bytes, &COOKED),
            Self::Cooked2 => cooked(bytes, &COOKED_2),
        };
        let length = length.saturating_sub(self.header());
        let outcome = outcome.map_err(|reason| if short.get() { Reason::Snapped } else { reason });
        Read { outcome, length }
    }

    /// The sender's MAC that a packet names at `mac_at`, or where it names none, as the capture's own header has it.
    pub(crate) fn mac(self, octets: &[u8], at: u32) -> [u8; MAC] {
        if at == 0 {
            self.own_mac(octets)
        } else {
            mac_at(octets, self.header() as usize + at as usize)
        }
    }

    /// Octets of the capture's own header.
    const fn header(self) -> u32 {
        match self {
            Self::Ethernet | Self::Ip => 0,
            Self::Loopback => FAMILY,
            Self::Cooked => COOKED.length,
            Self::Cooked2 => COOKED_2.length,
        }
    }

    /// The sender's MAC by the capture's own header; zeroes where there is none.
    pub(crate) fn own_mac(self, octets: &[u8]) -> [u8; MAC] {
        let header = match self {
            Self::Cooked => &COOKED,
            Self::Cooked2 => &COOKED_2,
            Self::Ethernet | Self::Ip | Self::Loopback => return [0; MAC],
        };
        if octets.get(header.address_length).copied().map(usize::from) == Some(MAC) {
            mac_at(octets, header.address)
        } else {
            [0; MAC]
        }
    }
}

fn mac_at(octets: &[u8], at: usize) -> [u8; MAC] {
    octets
        .get(at..)
        .and_then(|from| from.first_chunk())
        .copied()
        .unwrap_or_default()
}

/// Walks through what begins with a header of this kind.
fn walk(bytes: Captured<'_>, kind: u16) -> Result<Arrival, Reason> {
    let frame = Frame {
        length: u32::try_from(bytes.length).unwrap_or(u32::MAX),
        ..Frame::default()
    };
    let layer = layer::Layer {
        kind,
        ..layer::Layer::outermost(&frame)
    };
    let Looking { counted, ports } = bytes.looking;
    arrive(bytes, &frame, &layer, *counted, ports, bytes.ifindex)
}

fn loopback(bytes: Captured<'_>) -> Result<Arrival, Reason> {
    let family = bytes
        .window::<{ FAMILY as usize }>(0)
        .ok_or(Reason::MalformedEthernet)?
        .be32(0);
    // Families are small numbers: in the wrong byte order they are not.
    match family.min(family.swap_bytes()) {
        // AF_INET, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 10 | 24 | 28 | 30 => walk(bytes.from(FAMILY as usize), layer::Layer::BARE_IP),
        _ => Err(Reason::OtherEthertype),
    }
}

/// What a driver took off, tags for one, stands behind the cooked header.
fn cooked(bytes: Captured<'_>, header: &Cooked) -> Result<Arrival, Reason> {
    // Version 2 is the longer one; of version 1 the window must not ask for more than its header has.
    let kind = match header.length {
        16 => bytes
            .window::<16>(0)
            .map(|window| window.be16(header.protocol)),
        _ => bytes
            .window::<20>(0)
            .map(|window| window.be16(header.protocol)),
    };
    let kind = kind.ok_or(Reason::MalformedEthernet)?;
    walk(bytes.from(header.length as usize), kind)
}

/// Octets of which the packet had more: tells a header that was not captured from one that never was there.
#[derive(Clone, Copy)]
struct Captured<'a> {
    octets: &'a [u8],
    length: usize,
    short: &'a Cell<bool>,
    ifindex: u32,
    looking: &'a Looking,
}

impl Captured<'_> {
    fn from(self, at: usize) -> Self {
        Self {
            octets: self.octets.get(at..).unwrap_or_default(),
            length: self.length.saturating_sub(at),
            ..self
        }
    }
}

impl<'a> Bytes for Captured<'a> {
    type Window<const N: usize> = &'a [u8; N];

    #[inline]
    fn window<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        let found = self.octets.window::<N>(at);
        if found.is_none() && at + N <= self.length.min(HEADER_LIMIT) {
            self.short.set(true);
        }
        found
    }
}

/// The error for a link type that is not read, on the interface of this number and name.
pub(super) fn unsupported(at: u64, number: u32, interface: Option<(u32, Option<&str>)>) -> Broken {
    let mut why = format!("its link type is {number}");
    if let Some(name) = name(number) {
        // Writing to a string cannot fail.
        let _ = write!(why, " ({name})");
    }
    let remedy = match interface {
        None => "capture Ethernet, raw IP, Linux cooked or loopback".to_owned(),
        Some((interface, name)) => {
            let name = name.map_or_else(String::new, |name| format!(" (`{name}`)"));
            why = format!("of interface {interface}{name} {why}");
            format!("leave it out: `tshark -r IN -Y 'frame.interface_id != {interface}' -w OUT`")
        }
    };
    Broken::unsupported(at, format!("{why}, which is not read"), remedy)
}

/// Names of link types that are met now and then.
const fn name(number: u32) -> Option<&'static str> {
    Some(match number {
        6 => "IEEE802_5",
        8 => "SLIP",
        9 => "PPP",
        10 => "FDDI",
        50 => "PPP_HDLC",
        51 => "PPP_ETHER",
        104 => "C_HDLC",
        105 => "IEEE802_11",
        107 => "FRELAY",
        117 => "PFLOG",
        119 => "IEEE802_11_PRISM",
        127 => "IEEE802_11_RADIOTAP",
        163 => "IEEE802_11_AVS",
        187 => "BLUETOOTH_HCI_H4",
        189 => "USB_LINUX",
        192 => "PPI",
        195 => "IEEE802_15_4_WITHFCS",
        201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
        220 => "USB_LINUX_MMAPPED",
        227 => "CAN_SOCKETCAN",
        239 => "NFLOG",
        249 => "USBPCAP",
        252 => "WIRESHARK_UPPER_PDU",
        253 => "NETLINK",
        _ => return None,
    })
}
