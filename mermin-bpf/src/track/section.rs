//! Payloads that name something: which sections of a flow are passed to user space.
//!
//! The kernel program looks at the ports, and at the first octets of the first payload in each direction (of the next one as
//! well, if the first has a reserved version of QUIC). Unless the octets begin a message that has names, or a port is 53, no
//! octet of that direction leaves the kernel.

use crate::{
    abi::section::watch::LAST_FRESH,
    wire::{dns, protocol},
};

/// Octets of a payload that are looked at.
pub const LOOKED_AT: usize = 8;
/// Octets at the end of a payload that are looked at.
pub const LAST: usize = 4;

/// Sections behind a first one that did not hold its whole message, in one direction of a TCP connection.
const MORE_SEGMENTS: u8 = 3;
/// Messages of DNS behind the first one, in each direction: a resolver asks for A and AAAA in one flow.
const MORE_MESSAGES: u8 = 1;
/// Initial packets of QUIC behind the first one.
const MORE_INITIALS: u8 = 2;

/// A message that has names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// DNS (RFC 1035).
    Dns,
    /// A TLS record with a `ClientHello` (RFC 8446).
    Tls,
    /// A request of HTTP/1 (RFC 9112).
    Http,
    /// An Initial packet of QUIC (RFC 9000).
    Quic,
}

/// The payload of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// IANA protocol number.
    pub protocol: u8,
    /// Ports of both ends.
    pub ports: [u16; 2],
    /// Octets of it.
    pub length: u32,
    /// The first octets, zeroes behind the last one.
    pub first: [u8; LOOKED_AT],
    /// The last octets of a payload that the section holds to its end; zeroes otherwise.
    pub last: [u8; LAST],
    /// Its packet opens a connection, or answers one that does.
    pub is_opening: bool,
    /// The section has less than all of it.
    pub is_cut: bool,
    /// The end that started the flow has sent it.
    pub is_from_initiator: bool,
}

/// Decision about a payload, and about the payloads after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its section is passed.
    pub is_taken: bool,
    /// The direction's number as [`watch`](crate::abi::section::watch) has it: 0 to 3 sections may follow, or 4 to 7 while no
    /// payload has come.
    pub left: u8,
}

impl Step {
    const NONE: Self = Self {
        is_taken: false,
        left: 0,
    };

    const fn taken(left: u8) -> Self {
        Self {
            is_taken: true,
            left,
        }
    }
}

/// Decides about a payload, given what is `left` for its direction: the number as [`Step::left`] has it.
#[inline(always)]
#[must_use]
pub const fn step(left: u8, payload: &Payload) -> Step {
    if left == 0 {
        return Step::NONE;
    }
    if payload.length == 0 {
        return Step {
            is_taken: false,
            left: if payload.is_opening { left } else { less(left) },
        };
    }
    let is_dns = has_dns(payload.ports);
    if left < LAST_FRESH {
        // The octets between the end of a long payload's section and the next packet are missing.
        if payload.protocol == protocol::TCP && payload.is_cut && !is_dns {
            return Step::taken(0);
        }
        if payload.protocol == protocol::UDP && !is_dns && !is_initial(&payload.first) {
            return Step::NONE;
        }
        return Step::taken(left - 1);
    }
    if is_dns {
        return Step::taken(MORE_MESSAGES);
    }
    if payload.protocol == protocol::UDP {
        return if payload.is_from_initiator && is_initial(&payload.first) {
            Step::taken(MORE_INITIALS)
        } else if payload.is_from_initiator && is_reserved(&payload.first) {
            Step {
                is_taken: false,
                left: less(left),
            }
        } else {
            Step::NONE
        };
    }
    if !is_tls(payload) && !is_http(payload) {
        return Step::NONE;
    }
    let is_whole = if is_tls(payload) {
        payload.length >= record(&payload.first)
    } else {
        // The empty line that ends the fields of a request (RFC 9112 section 2.1), where no content follows.
        u32::from_le_bytes(payload.last) == u32::from_le_bytes(*b"\r\n\r\n")
    };
    if is_whole || payload.is_cut {
        Step::taken(0)
    } else {
        Step::taken(MORE_SEGMENTS)
    }
}

/// The number after a packet that says nothing. A direction that only acknowledges is not looked at for ever.
#[inline(always)]
const fn less(left: u8) -> u8 {
    if left == LAST_FRESH { 0 } else { left - 1 }
}

/// The message that begins with these octets, in a stream of TCP or a datagram of UDP.
#[must_use]
pub const fn message(payload: &Payload) -> Option<Message> {
    if has_dns(payload.ports) {
        Some(Message::Dns)
    } else if payload.protocol == protocol::UDP {
        if is_initial(&payload.first) {
            Some(Message::Quic)
        } else {
            None
        }
    } else if is_tls(payload) {
        Some(Message::Tls)
    } else if is_http(payload) {
        Some(Message::Http)
    } else {
        None
    }
}

#[inline(always)]
const fn has_dns(ports: [u16; 2]) -> bool {
    ports[0] == dns::PORT || ports[1] == dns::PORT
}

/// Octets of a TLS record, its header included.
#[inline(always)]
const fn record(first: &[u8; LOOKED_AT]) -> u32 {
    ((first[3] as u32) << 8 | first[4] as u32) + 5
}

/// True for a handshake record that begins with a `ClientHello`, as far as the octets go.
#[inline(always)]
const fn is_tls(payload: &Payload) -> bool {
    let [kind, major, _, _, _, message, ..] = payload.first;
    kind == 22 && (payload.length < 2 || major == 3) && (payload.length < 6 || message == 1)
}

/// True for a method of HTTP, as far as the octets go.
#[inline(always)]
const fn is_http(payload: &Payload) -> bool {
    let known = match payload.length {
        1 => 0xff,
        2 => 0xffff,
        3 => 0xff_ffff,
        _ => u32::MAX,
    };
    let word = u32::from_le_bytes([
        payload.first[0],
        payload.first[1],
        payload.first[2],
        payload.first[3],
    ]);
    let mut at = 0;
    while at < METHODS.len() {
        if (METHODS[at] ^ word) & known == 0 {
            return true;
        }
        at += 1;
    }
    false
}

/// Methods of RFC 9110 and RFC 5789, by their first four octets.
const METHODS: [u32; 9] = [
    u32::from_le_bytes(*b"GET "),
    u32::from_le_bytes(*b"POST"),
    u32::from_le_bytes(*b"HEAD"),
    u32::from_le_bytes(*b"PUT "),
    u32::from_le_bytes(*b"DELE"),
    u32::from_le_bytes(*b"CONN"),
    u32::from_le_bytes(*b"OPTI"),
    u32::from_le_bytes(*b"TRAC"),
    u32::from_le_bytes(*b"PATC"),
];

/// True for a long header of a version that is reserved, by which a client has a server name its own (RFC 9000 section 15).
#[inline(always)]
const fn is_reserved(first: &[u8; LOOKED_AT]) -> bool {
    let version = u32::from_be_bytes([first[1], first[2], first[3], first[4]]);
    first[0] & 0xc0 == 0xc0 && version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// True for a long header of an Initial packet of a version that is known: 1 (RFC 9000), 2 (RFC 9369), a draft, Google's, Meta's.
#[inline(always)]
const fn is_initial(first: &[u8; LOOKED_AT]) -> bool {
    let version = u32::from_be_bytes([first[1], first[2], first[3], first[4]]);
    // Version 2 has other numbers for the types of packets.
    let kind = if version == 0x6b33_43cf { 0xd0 } else { 0xc0 };
    first[0] & 0xf0 == kind
        && (version == 1
            || version == 0x6b33_43cf
            || version >> 8 == 0x00ff_0000
            || version >> 8 == 0x00fa_ceb0
            || version >> 24 == 0x51
            || version >> 24 == 0x54)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::section::watch::FRESH;

    fn tcp(octets: &[u8], length: u32) -> Payload {
        let mut first = [0; LOOKED_AT];
        let shown = octets.len().min(LOOKED_AT);
        first[..shown].copy_from_slice(&octets[..shown]);
        Payload {
            protocol: protocol::TCP,
            ports: [40_000, 443],
            length,
            first,
            last: [0; LAST],
            is_opening: false,
            is_cut: length > 256,
            is_from_initiator: true,
        }
    }

    fn udp(octets: &[u8], ports: [u16; 2]) -> Payload {
        Payload {
            protocol: protocol::UDP,
            ports,
            ..tcp(octets, 1200)
        }
    }

    const HELLO: [u8; 8] = [22, 3, 1, 0, 200, 1, 0, 0];

    #[test]
    fn payload_without_names_never_leaves_the_kernel() {
        for (octets, length) in [
            (&b"SSH-2.0-"[..], 20),
            (b"220 mail", 50),
            (b"GETX", 4),
            (b"\0\0\0\0\0\0\0\0", 8),
            // A ServerHello, an alert, application data.
            (&[22, 3, 3, 0, 80, 2, 0, 0], 85),
            (&[21, 3, 3, 0, 2, 2, 40, 0], 7),
            (&[23, 3, 3, 0, 80, 1, 0, 0], 85),
            (&[22, 2, 0, 0, 80, 1], 85),
        ] {
            assert_eq!(step(FRESH, &tcp(octets, length)), Step::NONE, "{octets:?}");
            assert_eq!(message(&tcp(octets, length)), None);
        }
        for octets in [
            // A version that nobody has; a Handshake packet; a short header; a zero of padding.
            &[0xc0, 9, 9, 9, 9][..],
            &[0xe0, 0, 0, 0, 1],
            &[0xc0, 0x6b, 0x33, 0x43, 0xcf],
            &[0x40, 0, 0, 0, 1],
            &[0; 5],
        ] {
            assert_eq!(step(FRESH, &udp(octets, [40_000, 443])), Step::NONE);
        }
    }

    #[test]
    fn direction_without_payload_soon_passes_no_more() {
        for (mut left, packets) in [(FRESH, 4), (3, 3), (1, 1)] {
            let opening = Payload {
                is_opening: true,
                ..tcp(&[], 0)
            };
            assert_eq!(step(left, &opening).left, left);
            for packet in 0..packets {
                assert_ne!(left, 0, "{packet}");
                left = step(left, &tcp(&[], 0)).left;
            }
            assert_eq!(left, 0);
            assert_eq!(step(left, &tcp(&HELLO, 205)), Step::NONE);
        }
        // Segments without payload before the first one.
        for left in LAST_FRESH..=FRESH {
            assert_eq!(step(left, &tcp(&HELLO, 205)), Step::taken(0));
        }
    }

    #[test]
    fn whole_hello_is_one_section() {
        assert_eq!(step(FRESH, &tcp(&HELLO, 205)), Step::taken(0));
        assert_eq!(step(FRESH, &tcp(&HELLO, 1_400)), Step::taken(0));
        assert!(!step(0, &tcp(&HELLO, 205)).is_taken);
    }

    #[test]
    fn hello_in_parts_is_at_most_four_sections() {
        for length in 1..205 {
            let shown = HELLO.len().min(length as usize);
            let taken = step(FRESH, &tcp(&HELLO[..shown], length));
            assert_eq!(taken, Step::taken(3), "{length}");
        }
        let (mut left, mut sections) = (3, 1);
        while left != 0 {
            let next = step(left, &tcp(b"whatever", 10));
            assert!(next.is_taken);
            (left, sections) = (next.left, sections + 1);
        }
        assert_eq!(sections, 4);
        assert_eq!(step(3, &tcp(b"whatever", 257)), Step::taken(0));
    }

    #[test]
    fn every_method_begins_a_request() {
        for method in [
            "GET /",
            "POST /",
            "HEAD /",
            "PUT /",
            "DELETE /",
            "CONNECT h",
            "OPTIONS *",
            "TRACE /",
            "PATCH /",
        ] {
            let octets = method.as_bytes();
            for length in 1..octets.len() {
                let payload = tcp(&octets[..length], u32::try_from(length).unwrap());
                assert!(step(FRESH, &payload).is_taken, "{method} {length}");
            }
            assert_eq!(message(&tcp(octets, 90)), Some(Message::Http));
        }
    }

    #[test]
    fn whole_request_is_one_section() {
        let whole = Payload {
            last: *b"\r\n\r\n",
            ..tcp(b"GET / HT", 40)
        };
        assert_eq!(step(FRESH, &whole), Step::taken(0));
        // Content follows in the same payload, or fields in the next one.
        for last in [*b"\r\nab", *b"ab\r\n", [0; LAST]] {
            assert_eq!(step(FRESH, &Payload { last, ..whole }), Step::taken(3));
        }
    }

    #[test]
    fn two_messages_of_dns_are_taken_in_each_direction() {
        for ports in [[40_000, 53], [53, 40_000], [53, 53]] {
            let first = step(FRESH, &udp(&[1, 2, 1, 0], ports));
            assert_eq!(first, Step::taken(1));
            assert_eq!(step(1, &udp(&[1, 3, 1, 0], ports)), Step::taken(0));
        }
    }

    #[test]
    fn clients_initial_packets_are_taken() {
        for (octets, is_first) in [
            ([0xc3, 0, 0, 0, 1], true),
            ([0xd3, 0x6b, 0x33, 0x43, 0xcf], true),
            ([0xcf, 0xff, 0, 0, 29], true),
            ([0xc0, b'Q', b'0', b'5', b'0'], true),
            ([0xc0, 0xfa, 0xce, 0xb0, 2], true),
        ] {
            let payload = udp(&octets, [40_000, 8443]);
            assert_eq!(step(FRESH, &payload).is_taken, is_first, "{octets:?}");
            assert_eq!(message(&payload), Some(Message::Quic));
            assert_eq!(step(2, &payload), Step::taken(1));
            assert_eq!(step(2, &udp(&[0x40], [1, 2])), Step::NONE);
            let answer = Payload {
                is_from_initiator: false,
                ..payload
            };
            assert_eq!(step(FRESH, &answer), Step::NONE);
        }
        let reserved = udp(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a], [40_000, 443]);
        let kept = Step {
            is_taken: false,
            left: FRESH - 1,
        };
        assert_eq!(step(FRESH, &reserved), kept);
    }
}
