//! Crafted packets and capture files.

use mermin_core::lab::frame::Segment;
pub(crate) use mermin_core::lab::frame::flag::{ACK, FIN, RST, SYN};

/// Seconds since 1970 at which crafted captures begin.
pub(crate) const BEGIN: u64 = 1_700_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

pub(crate) const ETHERNET: u32 = 1;

/// A packet to be put into a file.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// ns since the capture began.
    pub(crate) at: u64,
    pub(crate) octets: Vec<u8>,
    /// Octets on the wire.
    pub(crate) length: u32,
    pub(crate) interface: u32,
}

impl Frame {
    pub(crate) fn new(at: u64, octets: Vec<u8>) -> Self {
        let length = u32::try_from(octets.len()).unwrap();
        Self {
            at,
            octets,
            length,
            interface: 0,
        }
    }

    /// Keeps the first octets alone.
    pub(crate) fn snapped(mut self, octets: usize) -> Self {
        self.octets.truncate(octets);
        self
    }

    pub(crate) fn on(mut self, interface: u32) -> Self {
        self.interface = interface;
        self
    }

    fn nanoseconds(&self) -> u64 {
        BEGIN * SECOND + self.at
    }
}

pub(crate) fn ipv4(protocol: u8, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let fixed = [0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
    [&fixed[..], &source, &destination, payload].concat()
}

pub(crate) fn ipv6(next: u8, source: u8, destination: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let prefix = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fixed = [0x60, 0, 0, 0, high, low, next, 63];
    [
        &fixed[..],
        &prefix,
        &[source],
        &prefix,
        &[destination],
        payload,
    ]
    .concat()
}

pub(crate) fn tcp_segment(ports: [u16; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = Segment {
        flags,
        sequence: 1,
        window: u16::MAX,
        payload,
        ..Segment::default()
    };
    segment.octets(ports)
}

pub(crate) fn udp_datagram(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let [source, destination] = ports.map(u16::to_be_bytes);
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    [&source[..], &destination, &length, &[0, 0], payload].concat()
}

pub(crate) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let macs = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&macs[..], &kind.to_be_bytes(), payload].concat()
}

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];

/// A segment between the client's port and port 443 in an Ethernet frame.
pub(crate) fn tcp(port: u16, from_client: bool, flags: u8, payload: usize) -> Vec<u8> {
    let payload = vec![0; payload];
    let packet = if from_client {
        ipv4(
            6,
            CLIENT,
            SERVER,
            &tcp_segment([port, 443], flags, &payload),
        )
    } else {
        ipv4(
            6,
            SERVER,
            CLIENT,
            &tcp_segment([443, port], flags, &payload),
        )
    };
    ethernet(0x0800, &packet)
}

/// A datagram from the client's port to port 53 in an Ethernet frame.
pub(crate) fn udp(port: u16, payload: usize) -> Vec<u8> {
    let datagram = udp_datagram([port, 53], &vec![0; payload]);
    ethernet(0x0800, &ipv4(17, CLIENT, SERVER, &datagram))
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) big_endian: bool,
    pub(crate) nanoseconds: bool,
}

impl Shape {
    pub(crate) const LITTLE: Self = Self {
        big_endian: false,
        nanoseconds: false,
    };
    pub(crate) const ALL: [Self; 4] = [
        Self::LITTLE,
        Self {
            big_endian: true,
            nanoseconds: false,
        },
        Self {
            big_endian: false,
            nanoseconds: true,
        },
        Self {
            big_endian: true,
            nanoseconds: true,
        },
    ];

    pub(crate) fn word(self, value: u32) -> [u8; 4] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    pub(crate) fn half(self, value: u16) -> [u8; 2] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn long(self, value: u64) -> [u8; 8] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }
}

/// A pcap file.
pub(crate) fn pcap(shape: Shape, link: u32, frames: &[Frame]) -> Vec<u8> {
    let magic = if shape.nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let mut file = pcap_header(shape, magic, link);
    for frame in frames {
        let unit = if shape.nanoseconds { 1 } else { 1000 };
        let words = [
            u32::try_from(frame.nanoseconds() / SECOND).unwrap(),
            u32::try_from(frame.nanoseconds() % SECOND / unit).unwrap(),
            u32::try_from(frame.octets.len()).unwrap(),
            frame.length,
        ];
        file.extend(words.iter().flat_map(|&word| shape.word(word)));
        file.extend(&frame.octets);
    }
    file
}

pub(crate) fn pcap_header(shape: Shape, magic: u32, link: u32) -> Vec<u8> {
    [
        &shape.word(magic)[..],
        &shape.half(2),
        &shape.half(4),
        &[0; 8],
        &shape.word(262_144),
        &shape.word(link),
    ]
    .concat()
}

/// An interface of a pcapng file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    pub(crate) link: u16,
    pub(crate) name: &'static str,
    pub(crate) resolution: Option<u8>,
    /// Seconds.
    pub(crate) offset: Option<i64>,
    pub(crate) snap: u32,
}

impl Described {
    pub(crate) fn new(link: u16, name: &'static str) -> Self {
        Self {
            link,
            name,
            ..Self::default()
        }
    }
}

/// A block of pcapng.
pub(crate) fn block(shape: Shape, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = shape.word(u32::try_from(12 + body.len() + padding.len()).unwrap());
    [&shape.word(kind)[..], &length, body, &padding, &length].concat()
}

fn option(shape: Shape, code: u16, value: &[u8]) -> Vec<u8> {
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    let length = u16::try_from(value.len()).unwrap();
    [&shape.half(code)[..], &shape.half(length), value, &padding].concat()
}

pub(crate) fn section(shape: Shape) -> Vec<u8> {
    let body = [
        &shape.word(0x1a2b_3c4d)[..],
        &shape.half(1),
        &shape.half(0),
        &[255; 8],
    ];
    block(shape, 0x0a0d_0d0a, &body.concat())
}

pub(crate) fn description(shape: Shape, interface: &Described) -> Vec<u8> {
    let mut body = [
        &shape.half(interface.link)[..],
        &[0, 0],
        &shape.word(interface.snap),
    ]
    .concat();
    if !interface.name.is_empty() {
        body.extend(option(shape, 2, interface.name.as_bytes()));
    }
    if let Some(resolution) = interface.resolution {
        body.extend(option(shape, 9, &[resolution]));
    }
    if let Some(offset) = interface.offset {
        body.extend(option(shape, 14, &shape.long(offset.cast_unsigned())));
    }
    body.extend(option(shape, 0, &[]));
    block(shape, 1, &body)
}

/// An enhanced packet block, with an optional comment; the time in units of the interface.
pub(crate) fn enhanced(shape: Shape, frame: &Frame, units: u64, comment: bool) -> Vec<u8> {
    let mut body: Vec<u8> = [
        frame.interface,
        u32::try_from(units >> 32).unwrap(),
        u32::try_from(units & 0xffff_ffff).unwrap(),
        u32::try_from(frame.octets.len()).unwrap(),
        frame.length,
    ]
    .iter()
    .flat_map(|&word| shape.word(word))
    .collect();
    body.extend(&frame.octets);
    if comment {
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(option(shape, 1, b"odd"));
        body.extend(option(shape, 0, &[]));
    }
    block(shape, 6, &body)
}

/// An obsolete packet block.
pub(crate) fn obsolete(shape: Shape, frame: &Frame, units: u64) -> Vec<u8> {
    let words = [
        u32::try_from(units >> 32).unwrap(),
        u32::try_from(units & 0xffff_ffff).unwrap(),
        u32::try_from(frame.octets.len()).unwrap(),
        frame.length,
    ];
    let mut body = [
        shape.half(u16::try_from(frame.interface).unwrap()),
        shape.half(7),
    ]
    .concat();
    body.extend(words.iter().flat_map(|&word| shape.word(word)));
    body.extend(&frame.octets);
    block(shape, 2, &body)
}

pub(crate) fn simple(shape: Shape, frame: &Frame) -> Vec<u8> {
    block(
        shape,
        3,
        &[&shape.word(frame.length)[..], &frame.octets].concat(),
    )
}

/// A section of pcapng with enhanced packet blocks, every second of them with options.
pub(crate) fn pcapng(shape: Shape, interfaces: &[Described], frames: &[Frame]) -> Vec<u8> {
    let mut file = section(shape);
    for interface in interfaces {
        file.extend(description(shape, interface));
    }
    // Of no interest, and to be stepped over.
    file.extend(block(shape, 4, &[0; 4]));
    for (number, frame) in frames.iter().enumerate() {
        let interface = &interfaces[frame.interface as usize];
        let units = match interface.resolution {
            None | Some(6) => frame.nanoseconds() / 1000,
            Some(9) => frame.nanoseconds(),
            Some(other) => panic!("no such resolution in tests: {other}"),
        };
        file.extend(enhanced(shape, frame, units, number % 2 == 1));
    }
    file
}
