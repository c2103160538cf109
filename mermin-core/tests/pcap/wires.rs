//! Link types beyond Ethernet, raw IP and those of operating systems, by literal octets.

use mermin_core::{Timeouts, flow::MacAddress, lab::read_capture};

use crate::{
    frames::{Frame, Shape, pcap},
    links::{both, of, v4, v6},
    run::{Outcome, check_ledger, sums},
};

/// Headers before an IPv4 and an IPv6 packet.
struct Link {
    number: u32,
    headers: [&'static [u8]; 2],
    /// Octets of them that the capture put there.
    own: usize,
    /// The sender's MAC, if the header has one.
    sender: Option<&'static str>,
    /// The last octet of each receiver's MAC, if the header has one. The others are 02:00:00:00:00.
    receivers: [Option<u8>; 2],
}

const fn link(number: u32, own: usize, headers: [&'static [u8]; 2]) -> Link {
    Link {
        number,
        headers,
        own,
        sender: None,
        receivers: [None; 2],
    }
}

impl Link {
    const fn to(self, first: u8, second: u8) -> Self {
        Self {
            receivers: [Some(first), Some(second)],
            ..self
        }
    }
}

const SENDER: &str = "02:00:00:00:00:05";

const fn sent(number: u32, own: usize, headers: [&'static [u8]; 2]) -> Link {
    Link {
        sender: Some(SENDER),
        ..link(number, own, headers).to(1, 1)
    }
}

const PPP: [&[u8]; 2] = [&[0xff, 3, 0, 0x21], &[0xff, 3, 0, 0x57]];
const CISCO: [&[u8]; 2] = [&[0x0f, 0, 8, 0], &[0x8f, 0, 0x86, 0xdd]];
const FRAME_RELAY: [&[u8]; 2] = [&[0x18, 0x41, 3, 0xcc], &[0x18, 0x41, 3, 0x8e]];
/// A data frame from a station (address 2 is the sender's) to an access point, and LLC.
const WIRELESS: [&[u8]; 2] = [
    &[
        0x08, 0x01, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 3, 0, 0, 0xaa, 0xaa,
        3, 0, 0, 0, 8, 0,
    ],
    &[
        0x08, 0x01, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 3, 0, 0, 0xaa, 0xaa,
        3, 0, 0, 0, 0x86, 0xdd,
    ],
];

const LINKS: &[Link] = &[
    // Token Ring: two octets of control, receiver, sender, LLC; and with a route of four octets, which takes its bit of the
    // sender's address.
    sent(
        6,
        0,
        [
            &[
                0x10, 0x40, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0,
            ],
            &[
                0x10, 0x40, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd,
            ],
        ],
    ),
    link(
        6,
        0,
        [
            &[
                0x10, 0x40, 2, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 5, 4, 0, 0, 1, 0xaa, 0xaa, 3, 0, 0,
                0, 8, 0,
            ],
            &[
                0x10, 0x40, 2, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 5, 4, 0, 0, 1, 0xaa, 0xaa, 3, 0, 0,
                0, 0x86, 0xdd,
            ],
        ],
    )
    .to(1, 1),
    link(8, 16, [&[0; 16], &[1; 16]]),
    // PPP: with an address, without, and with a short protocol.
    link(9, 0, PPP),
    link(50, 0, PPP),
    link(9, 0, [&[0, 0x21], &[0, 0x57]]),
    link(50, 0, [&[0x21], &[0x57]]),
    link(9, 0, [&[0xff, 3, 0x21], &[0xff, 3, 0x57]]),
    link(50, 0, CISCO),
    // A label, bottom of the stack.
    link(
        9,
        0,
        [
            &[0xff, 3, 2, 0x81, 0, 1, 1, 64],
            &[0xff, 3, 2, 0x83, 0, 1, 1, 64],
        ],
    ),
    sent(
        10,
        0,
        [
            &[
                0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0,
            ],
            &[
                0x54, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd,
            ],
        ],
    ),
    // LLC by its own number, and by that of ISO.
    sent(
        10,
        0,
        [
            &[0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 6, 6, 3],
            &[
                0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xfe, 0xfe, 3, 0x8e,
            ],
        ],
    ),
    // PPPoE: the length is of the packet and the protocol.
    link(
        51,
        0,
        [
            &[0x11, 0, 0, 1, 0, 34, 0, 0x21],
            &[0x11, 0, 0, 1, 0, 54, 0, 0x57],
        ],
    ),
    // LLC in ATM, and an Ethernet frame in it, behind its padding.
    link(
        100,
        0,
        [
            &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
            &[0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd],
        ],
    ),
    sent(
        11,
        0,
        [
            &[
                0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0,
            ],
            &[
                0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86,
                0xdd,
            ],
        ],
    ),
    link(104, 0, CISCO),
    link(104, 0, PPP),
    sent(105, 0, WIRELESS).to(3, 3),
    // From an access point: the sender is the third address. Of quality: two octets more; with HT control: six.
    sent(
        105,
        0,
        [
            &[
                0x88, 0x02, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0,
                0xaa, 0xaa, 3, 0, 0, 0, 8, 0,
            ],
            &[
                0x88, 0x82, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0,
                1, 2, 3, 4, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd,
            ],
        ],
    ),
    // Between access points: the fourth, to the third. Between stations: the second.
    sent(
        105,
        0,
        [
            &[
                0x08, 0x03, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 4, 0, 0, 2, 0,
                0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0,
            ],
            &[
                0x08, 0x00, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 4, 0, 0, 0xaa,
                0xaa, 3, 0, 0, 0, 0x86, 0xdd,
            ],
        ],
    )
    .to(4, 1),
    link(106, 0, [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &[]]),
    link(107, 0, FRAME_RELAY),
    // With SNAP behind padding, and as Cisco does; with an address of four octets, and of three.
    link(
        107,
        0,
        [
            &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0],
            &[0x18, 0x41, 0x86, 0xdd],
        ],
    ),
    link(
        107,
        0,
        [&[0x18, 0x40, 0, 1, 3, 0xcc], &[0x18, 0x40, 3, 3, 0x8e]],
    ),
    link(
        109,
        12,
        [
            &[0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0],
            &[24, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0],
        ],
    ),
    link(
        117,
        64,
        [
            &[
                61, 2, 0, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
            ],
            &[
                61, 24, 0, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
            ],
        ],
    ),
    link(
        123,
        4,
        [
            &[2, 0, 0, 99, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
            &[0x82, 0, 0, 99, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd],
        ],
    ),
    // LAN emulation: the number of the sender, an Ethernet header.
    sent(
        123,
        4,
        [
            &[1, 0, 0, 99, 0, 7, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0],
            &[
                1, 0, 0, 99, 0, 7, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd,
            ],
        ],
    ),
    link(
        138,
        0,
        [
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 8, 0],
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0x86, 0xdd],
        ],
    ),
    link(166, 1, [&[0, 0xff, 3, 0, 0x21], &[1, 0, 0x57]]),
    link(204, 1, [&[0, 0xff, 3, 0, 0x21], &[1, 0x57]]),
    link(205, 1, [&[0, 0x0f, 0, 8, 0], &[1, 0x0f, 0, 0x86, 0xdd]]),
    link(
        206,
        1,
        [&[0, 0x18, 0x41, 3, 0xcc], &[1, 0x18, 0x41, 3, 0x8e]],
    ),
    // Juniper: a magic, flags; extensions of three octets; no link header but the number of a protocol.
    sent(
        178,
        4,
        [
            &[
                b'M', b'G', b'C', 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0,
            ],
            &[
                b'M', b'G', b'C', 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd,
            ],
        ],
    ),
    link(
        178,
        8,
        [
            &[b'M', b'G', b'C', 2, 2, 0, 0, 0],
            &[b'M', b'G', b'C', 2, 6, 0, 0, 0],
        ],
    ),
    link(
        179,
        9,
        [
            &[b'M', b'G', b'C', 0x80, 0, 3, 3, 1, 1, 0xff, 3, 0, 0x21],
            &[b'M', b'G', b'C', 0x81, 0, 3, 3, 1, 1, 0, 0x57],
        ],
    ),
    link(
        180,
        4,
        [
            &[b'M', b'G', b'C', 0, 0x18, 0x41, 3, 0xcc],
            &[b'M', b'G', b'C', 0, 0x18, 0x41, 3, 0x8e],
        ],
    ),
    link(
        181,
        4,
        [
            &[b'M', b'G', b'C', 0, 0x0f, 0, 8, 0],
            &[b'M', b'G', b'C', 0, 0x0f, 0, 0x86, 0xdd],
        ],
    ),
    // Whole frames of several lines.
    link(
        182,
        0,
        [
            &[0xc0, 1, 0x18, 0x41, 3, 0xcc],
            &[0xde, 2, 0x18, 0x41, 3, 0x8e],
        ],
    ),
    link(219, 0, [&[0, 1, 0, 64, 0, 1, 1, 64], &[0, 1, 1, 64]]),
    link(
        226,
        24,
        [
            &[
                1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            &[
                1, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ],
    ),
    // Netfilter: the packet is behind an attribute of five octets with padding, in either byte order.
    link(
        239,
        16,
        [
            &[2, 0, 0, 30, 5, 0, 1, 0, 7, 0, 0, 0, 36, 0, 9, 0],
            &[10, 0, 0, 30, 0, 5, 0, 1, 7, 0, 0, 0, 0, 56, 0, 9],
        ],
    ),
    sent(
        240,
        4,
        [
            &[0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0],
            &[0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd],
        ],
    ),
    link(
        242,
        0,
        [
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0,
            ],
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd, 0, 0,
            ],
        ],
    ),
    sent(
        281,
        0,
        [
            &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0, 0, 0, 1, 8, 0],
            &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0x86, 0xdd],
        ],
    ),
    sent(
        282,
        4,
        [
            &[0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0],
            &[0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd],
        ],
    ),
    sent(
        284,
        0,
        [
            &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xc0, 0, 0, 1, 8, 0],
            &[
                2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xc0, 0, 0, 1, 0x86, 0xdd,
            ],
        ],
    ),
    sent(
        285,
        0,
        [
            &[
                2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xda, 0xda, 0, 0, 0xc0, 0, 0, 1, 8, 0,
            ],
            &[
                2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xda, 0xda, 0, 0, 0xc0, 0, 0, 1, 0x86, 0xdd,
            ],
        ],
    ),
    // A record of ERF, Ethernet of 46 and 66 octets on the wire; cells of none, IP as it is; packets over SONET.
    sent(
        197,
        18,
        [
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 0, 64, 0, 0, 0, 46, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0,
                0, 0, 5, 8, 0,
            ],
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 11, 4, 0, 84, 0, 0, 0, 66, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0,
                0, 0, 5, 0x86, 0xdd,
            ],
        ],
    ),
    link(
        197,
        16,
        [
            &[0, 0, 0, 0, 0, 0, 0, 0, 22, 4, 0, 48, 0, 0, 0, 32],
            &[0, 0, 0, 0, 0, 0, 0, 0, 23, 4, 0, 68, 0, 0, 0, 52],
        ],
    ),
    // With two extension headers; with the word of a channel.
    link(
        197,
        32,
        [
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 0x81, 4, 0, 68, 0, 0, 0, 36, 0x83, 0, 0, 0, 0, 0, 0, 0, 3,
                0, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0x21,
            ],
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 0x81, 4, 0, 88, 0, 0, 0, 56, 0x83, 0, 0, 0, 0, 0, 0, 0, 3,
                0, 0, 0, 0, 0, 0, 0, 0x0f, 0, 0x86, 0xdd,
            ],
        ],
    ),
    link(
        197,
        20,
        [
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 5, 4, 0, 56, 0, 0, 0, 36, 0, 0, 0, 9, 0x0f, 0, 8, 0,
            ],
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 17, 4, 0, 76, 0, 0, 0, 56, 0, 0, 0, 9, 0x18, 0x41, 3, 0x8e,
            ],
        ],
    ),
];

#[test]
fn ipv4_and_ipv6_are_found_behind_every_link_header() {
    for link in LINKS {
        let packets = [
            [link.headers[0], &v4()].concat(),
            [link.headers[1], &v6()].concat(),
        ];
        let outcome = of(link.number, &packets);
        let flows = outcome.whole();
        let number = link.number;
        let found: Vec<[u64; 4]> = flows.iter().map(sums).collect();
        assert_eq!(found, [[1, 32, 0, 0], [1, 52, 0, 0]], "link type {number}");
        for (flow, (header, length)) in flows.iter().zip(link.headers.iter().zip([32, 52])) {
            let octets = length + (header.len() - link.own) as u64;
            assert_eq!(
                flow.forward.frame_octets.total, octets,
                "link type {number}"
            );
            let sender = flow.interface.source_mac.map(|mac| mac.to_string());
            assert_eq!(sender.as_deref(), link.sender, "link type {number}");
        }
        for (flow, last) in flows.iter().zip(link.receivers) {
            let expected = last.map(|last| MacAddress([2, 0, 0, 0, 0, last]));
            let receiver = flow.interface.destination_mac;
            assert_eq!(receiver, expected, "link type {number}");
        }
    }
}

/// Headers that a capture puts before a wireless frame, of the same sender.
fn before(number: u32, header: &[u8]) {
    let packets = [
        [header, WIRELESS[0], &v4()].concat(),
        [header, WIRELESS[1], &v6()].concat(),
    ];
    let flows = both(number, &packets, 32);
    assert_eq!(flows[0].interface.source_mac.unwrap().to_string(), SENDER);
}

#[test]
fn wireless_frames_are_found_behind_headers_of_captures() {
    // Radiotap without fields; with a clock and flags, all zero; with two words of bits.
    before(127, &[0, 0, 8, 0, 0, 0, 0, 0]);
    before(
        127,
        &[0, 0, 17, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10],
    );
    before(127, &[0, 0, 14, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x10, 0]);
    before(
        127,
        &[
            0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10,
        ],
    );
    let mut prism = vec![0x44, 0, 0, 0, 144, 0, 0, 0];
    prism.resize(144, 0);
    before(119, &prism);
    let mut avs = vec![0x80, 0x21, 0x10, 1, 0, 0, 0, 64];
    avs.resize(64, 0);
    before(119, &avs);
    before(163, &avs);
    before(192, &[0, 0, 8, 0, 105, 0, 0, 0]);
    before(192, &[0, 0, 16, 0, 105, 0, 0, 0, 2, 0, 4, 0, 1, 2, 3, 4]);
}

#[test]
fn wireless_payload_may_be_aligned_to_four_bytes() {
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    let mut frame = WIRELESS[0].to_vec();
    // Of quality: 26 octets, padded to 28.
    frame[0] = 0x88;
    frame.splice(24..24, [0, 0, 0, 0]);
    let flows = of(127, &[[&radiotap, &frame[..], &v4()].concat()]).whole();
    assert_eq!(sums(&flows[0]), [1, 32, 0, 0]);
    assert_eq!(flows[0].forward.frame_octets.total, 36 + 32);
}

#[test]
fn apples_header_names_the_link() {
    let header = |link: u8, kind: u8| {
        let mut header = vec![108, 0, 0, 0, kind, 0, 0, 0, link, 0, 0, 0, b'e', b'n', b'0'];
        header.resize(108, 0);
        header
    };
    let packets = [
        [&header(12, 1)[..], &v4()].concat(),
        [&header(12, 1)[..], &v6()].concat(),
    ];
    both(258, &packets, 0);
    let loopback = [&header(0, 1)[..], &[2, 0, 0, 0], &v4()].concat();
    assert_eq!(
        of(258, &[loopback]).whole()[0].forward.frame_octets.total,
        32
    );
    let mut long = header(1, 1);
    long[0] = 107;
    let outcome = of(
        258,
        &[
            header(12, 0),
            header(195, 1),
            header(2, 1),
            header(192, 1),
            long,
        ],
    );
    let reasons = outcome.reasons();
    assert_eq!(reasons["other_ethertype"], (1, 0));
    assert_eq!(reasons["other_link"], (3, 0));
    assert_eq!(reasons["malformed_ethernet"], (1, 1));
    check_ledger(&outcome.flows, &outcome.stats);
}

/// One packet, which is in no record: the reason, and its octets.
fn reason(number: u32, packet: &[u8]) -> (&'static str, u64) {
    let outcome: Outcome = of(number, &[packet.to_vec()]);
    let reasons = outcome.reasons();
    check_ledger(&outcome.flows, &outcome.stats);
    let mut reasons = reasons.into_iter();
    let (reason, (packets, octets)) = reasons.next().expect("it is in a flow");
    assert_eq!((packets, reasons.next()), (1, None));
    (reason, octets)
}

#[test]
fn non_ip_packets_have_a_reason() {
    let with = |header: &[u8], at: usize, octets: &[u8]| {
        let mut packet = [header, &v4()].concat();
        packet[at..at + octets.len()].copy_from_slice(octets);
        packet
    };
    let other = |number, packet: &[u8]| {
        assert_eq!(
            reason(number, packet).0,
            "other_ethertype",
            "link type {number}: {packet:x?}"
        );
    };
    // LCP, compressed TCP headers, Cisco's keep-alive, spanning tree.
    other(9, &with(PPP[0], 2, &[0xc0, 0x21]));
    other(9, &with(PPP[0], 2, &[0x00, 0x2d]));
    other(104, &with(CISCO[0], 2, &[0x80, 0x35]));
    other(104, &with(CISCO[0], 2, &[0x00, 0x42]));
    // The discovery stage.
    other(51, &[0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0]);
    // An address that has no end, or does from the first octet on; another protocol.
    other(107, &[0x18, 0x40, 0x40, 0x40, 0x40, 0x40]);
    other(107, &[0x19, 0x41, 3, 0xcc]);
    other(107, &with(FRAME_RELAY[0], 3, &[0x81]));
    other(
        107,
        &[0x18, 0x41, 3, 0x80, 0, 0x80, 0xc2, 0, 14, 0, 0, 0, 0],
    );
    other(182, &[0xe0, 1, 0x18, 0x41, 3, 0xcc]);
    // FDDI: station management; Token Ring: MAC frames; LAN emulation of control.
    other(10, &[0x41; 40]);
    other(6, &[0x10, 0x00, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0, 0]);
    other(123, &[0x06, 0, 0, 5, 0, 0, 0, 0]);
    // A beacon, an acknowledgement, a frame without data, an encrypted one, several in one.
    other(105, &with(WIRELESS[0], 0, &[0x80]));
    other(105, &[0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    other(105, &with(WIRELESS[0], 0, &[0x48]));
    other(105, &with(WIRELESS[0], 1, &[0x41]));
    let mut several = with(WIRELESS[0], 0, &[0x88]);
    several[24] = 0x80;
    other(105, &several);
    // Other families.
    other(117, &{
        let mut packet = vec![61, 7];
        packet.resize(80, 0);
        packet
    });
    other(
        226,
        &[
            1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    );
    other(239, &[7, 0, 0, 0, 36, 0, 9, 0]);
    other(239, &[2, 1, 0, 0, 36, 0, 9, 0]);
    // Another organization's; LLC without it.
    other(100, &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 0, 0]);
    assert_eq!(reason(100, &[0x42, 0x42, 3, 0, 0, 0, 0, 0]), ("llc", 8));
    assert_eq!(reason(105, &with(WIRELESS[0], 24, &[0xe0, 0xe0])).0, "llc");
    assert_eq!(
        reason(10, &with(LINKS[10].headers[0], 19, &[8, 6])).0,
        "arp"
    );
    // Records of ERF that have cells, InfiniBand, or nothing known.
    for kind in [3, 7, 18, 21, 24, 26, 60] {
        let record = [
            0, 0, 0, 0, 0, 0, 0, 0, kind, 4, 0, 24, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(reason(197, &record), ("other_link", 8));
    }
}

#[test]
fn invalid_headers_are_malformed() {
    let malformed = |number, packet: &[u8]| {
        let (reason, _) = reason(number, packet);
        assert!(
            reason.starts_with("malformed_"),
            "link type {number}: {reason}"
        );
    };
    // Lengths below the header's own length, and beyond the frame.
    for length in [0, 7, 255] {
        malformed(127, &[0, 0, length, 0, 0, 0, 0, 0, 0x08, 1, 0, 0]);
        malformed(163, &[0x80, 0x21, 0x10, 1, 0, 0, 0, length, 0x08, 1]);
        malformed(192, &[0, 0, length, 0, 105, 0, 0, 0, 0x08, 1]);
    }
    malformed(163, &[0x80, 0x21, 0x10, 1, 255, 255, 255, 255, 0x08, 1]);
    malformed(258, &[255; 200]);
    malformed(117, &[44, 2, 0, 0, 0x45, 0, 0, 20]);
    malformed(178, &[b'M', b'G', b'D', 0, 2, 0, 0, 0]);
    malformed(178, &[b'M', b'G', b'C', 0x80, 255, 255, 0, 0]);
    // Attributes shorter than their header, longer than the packet, and none that holds it.
    malformed(239, &[2, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0]);
    malformed(239, &[2, 0, 0, 0, 200, 0, 1, 0, 0, 0, 0, 0]);
    malformed(239, &[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0]);
    malformed(239, &[2, 0, 0, 0, 200, 0, 9, 0, 0x45, 0, 0, 0]);
    // Extension headers without an end.
    malformed(
        197,
        &[
            0x80, 0, 0, 0, 0, 0, 0, 0, 0x82, 4, 0, 32, 0, 0, 0, 9, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80,
        ],
    );
}

#[test]
fn parts_of_frames_have_a_reason() {
    let mut first = [WIRELESS[0], &v4()[..30]].concat();
    first[1] |= 4;
    let flows = of(105, &[first.clone()]).whole();
    assert_eq!(sums(&flows[0]), [1, 30, 0, 0]);
    // Not the first.
    first[22] = 1;
    assert_eq!(reason(105, &first), ("fragment", 62));

    let multilink = |bits: u8| [&[bits, 1, 0x18, 0x41, 3, 0xcc][..], &v4()[..30]].concat();
    assert_eq!(sums(&of(182, &[multilink(0x80)]).whole()[0]), [1, 30, 0, 0]);
    assert_eq!(reason(182, &multilink(0x40)), ("fragment", 36));
    assert_eq!(reason(182, &multilink(0)), ("fragment", 36));
}

#[test]
fn truncated_frame_makes_no_flow_and_has_a_reason() {
    let whole = |file: Vec<u8>| read_capture(&file[..], Timeouts::default(), 64);
    for link in LINKS {
        for (header, ip) in link.headers.iter().zip([v4(), v6()]) {
            let packet = [header, &ip[..]].concat();
            let needed = packet.len() - 4;
            // Records of ERF say by themselves how long the packet was.
            let told = link.number == 197;
            for length in 0..if told { needed } else { packet.len() } {
                let frame = Frame::new(0, packet[..length].to_vec());
                let outcome = whole(pcap(Shape::LITTLE, link.number, &[frame]));
                check_ledger(&outcome.flows, &outcome.stats);
                assert!(outcome.flows.is_empty());
                let found = outcome.stats.ignored()[0].reason;
                let cut = found.starts_with("malformed_") || found == "snapped";
                assert!(
                    cut || found == "other_ethertype",
                    "link type {}: {length}: {found}",
                    link.number
                );
            }
            for length in 0..packet.len() {
                let frame = Frame::new(0, packet.clone()).snapped(length);
                let outcome = whole(pcap(Shape::LITTLE, link.number, &[frame]));
                check_ledger(&outcome.flows, &outcome.stats);
                let is_whole = length >= needed;
                let flows = usize::from(is_whole);
                assert_eq!(
                    outcome.flows.len(),
                    flows,
                    "link type {}: {length}",
                    link.number
                );
                let ignored = outcome.stats.ignored();
                let snapped = ignored.iter().any(|found| found.reason == "snapped");
                assert_eq!(snapped, !is_whole, "link type {}: {length}", link.number);
            }
        }
    }
}
