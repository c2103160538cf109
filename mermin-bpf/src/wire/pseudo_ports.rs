//! Substitutes for the ports of protocols that have none.
//!
//! An ICMP message has no ports. A query and its answer are one flow, distinguished from others by the identifier, so that two
//! pings are two flows: the first "port" is the query's type, the second the identifier. Every other message is
//! a flow of its type and code: the first "port" is 256 + type, the second the code.
//!
//! ESP and AH have a security parameters index instead: the first "port" is its upper half, the second its lower half.
//! An index names one direction, so each direction is a flow of its own.

use super::{icmp::Icmp, protocol};

const NOT_A_QUERY: u16 = 256;

/// The type of the query that a message is or answers, if it is one of a pair (IANA ICMP and ICMPv6 parameters) with an identifier:
/// echo, time stamp, information and mask (RFC 792, RFC 950, RFC 4443), extended echo (RFC 8335), and Mobile IPv6's questions to
/// a home agent (RFC 6275).
#[inline(always)]
const fn query(number: u8, kind: u8) -> Option<u8> {
    // Bit sets replace a branch for each pair, because a verifier would follow each branch to the end.
    let (from, known, replies) = if number == protocol::ICMP {
        const REPLIES: u64 = 1 << 14 | 1 << 16 | 1 << 18 | 1 << 43;
        (0, REPLIES | REPLIES >> 1 | 1 << 8 | 1, REPLIES)
    } else {
        const REPLIES: u64 = 1 << 1 | 1 << 17 | 1 << 19 | 1 << 33;
        (128, REPLIES | REPLIES >> 1, REPLIES)
    };
    let place = kind.wrapping_sub(from);
    if place >= 64 || known >> place & 1 == 0 {
        return None;
    }
    // A reply's type is that of its request plus 1. ICMP's echo is the exception: the request is 8, the reply 0.
    let echo = if kind == 0 { 8 } else { 0 };
    Some(kind + echo - (replies >> place & 1) as u8)
}

/// True for a message that answers a query.
#[inline(always)]
#[must_use]
pub const fn is_reply(number: u8, kind: u8) -> bool {
    match query(number, kind) {
        Some(query) => query != kind,
        None => false,
    }
}

/// Substitutes for ports in an ICMP flow.
#[inline(always)]
#[must_use]
pub const fn icmp_ports(number: u8, message: &Icmp) -> [u16; 2] {
    match query(number, message.kind) {
        Some(kind) => [kind as u16, message.identifier],
        None => [NOT_A_QUERY + message.kind as u16, message.code as u16],
    }
}

/// The identifier of an ICMP flow of queries and answers, from the ports of its key.
#[must_use]
pub const fn icmp_identifier(ports: [u16; 2]) -> Option<u16> {
    if ports[0] < NOT_A_QUERY {
        Some(ports[1])
    } else {
        None
    }
}

/// Substitutes for ports in an ESP or AH flow.
#[inline(always)]
#[must_use]
pub const fn spi_ports(spi: u32) -> [u16; 2] {
    [(spi >> 16) as u16, spi as u16]
}

/// The security parameters index of an ESP or AH flow, from the ports of its key.
#[must_use]
pub const fn spi(ports: [u16; 2]) -> u32 {
    (ports[0] as u32) << 16 | ports[1] as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_never_taken_for_a_query() {
        let ports = |number, kind, identifier| {
            let message = Icmp {
                kind,
                code: 0,
                identifier,
            };
            icmp_ports(number, &message)
        };
        for kind in 0..=u8::MAX {
            let expected = matches!(kind, 0 | 8 | 13..=18 | 42 | 43);
            let found = icmp_identifier(ports(protocol::ICMP, kind, 5));
            assert_eq!(found, expected.then_some(5), "ICMP type {kind}");
            let found = icmp_identifier(ports(protocol::ICMPV6, kind, 5));
            let expected = matches!(kind, 128 | 129 | 144..=147 | 160 | 161);
            assert_eq!(found, expected.then_some(5), "ICMPv6 type {kind}");
        }
    }
}
