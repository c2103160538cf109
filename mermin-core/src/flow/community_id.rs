//! Community ID version 1, by which tools recognise one conversation: the SHA-1 of seed, addresses, protocol, a zero
//! octet and ports, with the lower endpoint first.

use std::{cmp::Ordering, net::IpAddr};

use super::{Flow, Protocol, attributes::render::Short};
use crate::sys::sha1;

/// Octets of an id: `1:` and 20 octets in base64.
const LENGTH: usize = 30;

/// A Community ID, held inline.
#[derive(Clone, Copy)]
pub(super) struct CommunityId([u8; LENGTH]);

impl CommunityId {
    pub(super) fn as_str(&self) -> &str {
        // The buffer contains only ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<CommunityId> for Short {
    fn from(id: CommunityId) -> Self {
        let mut text = Self::empty();
        text.put(&id.0);
        text
    }
}

impl Flow {
    /// Returns the Community ID version 1 of this flow, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`.
    ///
    /// Tools that use the same `seed` compute the same id; 0 is the usual default. The specification uses ports for
    /// TCP, UDP and SCTP. For ICMP and `ICMPv6`, it uses the types of a request and its reply, or the type and code of
    /// a message that has no reply.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use mermin_core::{Flow, flow::{Endpoint, FlowId, Interface, Protocol}};
    ///
    /// let flow = Flow::new(
    ///     FlowId::from_u128(7),
    ///     Protocol::TCP,
    ///     Endpoint::new([128, 232, 110, 120], 34_855),
    ///     Endpoint::new([66, 35, 250, 204], 80),
    ///     Interface::new(2, "eth0"),
    ///     SystemTime::now(),
    /// );
    /// assert_eq!(flow.community_id(0), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    /// ```
    #[must_use]
    pub fn community_id(&self, seed: u16) -> String {
        self.community_id_inline(seed).as_str().to_owned()
    }

    pub(super) fn community_id_inline(&self, seed: u16) -> CommunityId {
        let pair = Pair::of(self);
        let mut input = Input::new();
        input.put(seed.to_be_bytes());
        for address in pair.addresses {
            match address {
                IpAddr::V4(v4) => input.put(v4.octets()),
                IpAddr::V6(v6) => input.put(v6.octets()),
            }
        }
        input.put([self.protocol.0, 0]);
        for port in pair.ports.into_iter().flatten() {
            input.put(port.to_be_bytes());
        }
        render(input.digest())
    }
}

/// The input of the hash. It fits into one block of SHA-1: 64 octets, nine or more of them padding.
struct Input {
    block: [u8; sha1::BLOCK],
    length: usize,
}

impl Input {
    /// Seed, two IPv6 addresses, protocol, a zero, two ports.
    const LONGEST: usize = 2 + 2 * 16 + 2 + 2 * 2;

    const fn new() -> Self {
        const { assert!(Self::LONGEST < sha1::BLOCK - 8) }
        Self {
            block: [0; sha1::BLOCK],
            length: 0,
        }
    }

    #[inline]
    fn put<const N: usize>(&mut self, octets: [u8; N]) {
        if let Some(place) = self.block[self.length.min(Self::LONGEST)..].first_chunk_mut() {
            *place = octets;
            self.length += N;
        }
    }

    fn digest(mut self) -> [u8; 20] {
        let length = self.length.min(Self::LONGEST);
        let padded = &mut self.block;
        padded[length] = 0x80;
        let bits = 8 * length as u64;
        padded[sha1::BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        let by_library = || sha1_smol::Sha1::from(&padded[..length]).digest().bytes();
        sha1::one_block(padded).unwrap_or_else(by_library)
    }
}

/// Two endpoints in the order in which they are hashed.
struct Pair {
    addresses: [IpAddr; 2],
    ports: Option<[u16; 2]>,
}

impl Pair {
    fn of(flow: &Flow) -> Self {
        let (ports, one_way) = ports(flow);
        let addresses = [flow.source.address, flow.destination.address];
        let order = addresses[0].cmp(&addresses[1]).then(
            ports.map_or(Ordering::Equal, |[source, destination]| {
                source.cmp(&destination)
            }),
        );
        if order == Ordering::Greater && !one_way {
            let [source, destination] = addresses;
            Self {
                addresses: [destination, source],
                ports: ports.map(|[source, destination]| [destination, source]),
            }
        } else {
            Self { addresses, ports }
        }
    }
}

/// Returns source and destination port. In their place, ICMP has the types of a request and its reply, or the type and
/// code of a message that has no reply. The flag is true for such a message: the endpoints of its flow are not sorted.
fn ports(flow: &Flow) -> (Option<[u16; 2]>, bool) {
    match flow.protocol {
        Protocol::TCP | Protocol::UDP | Protocol::SCTP => {
            let ports = flow.source.port.zip(flow.destination.port);
            (ports.map(Into::into), false)
        }
        Protocol::ICMP | Protocol::ICMPV6 => icmp(flow),
        _ => (None, false),
    }
}

fn icmp(flow: &Flow) -> (Option<[u16; 2]>, bool) {
    let forward = flow.forward.icmp.map(|message| (message, false));
    let reverse = flow.reverse.icmp.map(|message| (message, true));
    let Some((message, backwards)) = forward.or(reverse) else {
        return (None, false);
    };
    match counterpart(flow.protocol, message.kind) {
        Some(answer) if backwards => (Some([answer.into(), message.kind.into()]), false),
        Some(answer) => (Some([message.kind.into(), answer.into()]), false),
        None => (Some([message.kind.into(), message.code.into()]), true),
    }
}

/// Returns the type of the reply to a request type, and the reverse.
const fn counterpart(protocol: Protocol, kind: u8) -> Option<u8> {
    Some(match (protocol, kind) {
        (Protocol::ICMP, 0) => 8,
        (Protocol::ICMP, 8) => 0,
        (Protocol::ICMP, 9 | 13 | 15 | 17)
        | (Protocol::ICMPV6, 128 | 130 | 133 | 135 | 139 | 144) => kind + 1,
        (Protocol::ICMP, 10 | 14 | 16 | 18)
        | (Protocol::ICMPV6, 129 | 131 | 134 | 136 | 140 | 145) => kind - 1,
        _ => return None,
    })
}

/// Formats version, colon, and the digest in base64 (RFC 4648 section 4).
fn render(digest: [u8; 20]) -> CommunityId {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut padded = [0; 21];
    padded[..20].copy_from_slice(&digest);
    let mut text = *b"1:...........................=";
    let fours = text[2..].as_chunks_mut::<4>().0;
    for (three, four) in padded.as_chunks::<3>().0.iter().zip(fours) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        *four = [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize]);
    }
    // One of the last three octets is padding.
    text[LENGTH - 1] = b'=';
    CommunityId(text)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::flow::{Endpoint, FlowId, IcmpMessage, Interface, Uniflow};

    /// `protocol source destination source-port destination-port seed id`; the head of the file describes them.
    const VECTORS: &str = include_str!("../../tests/data/community_id.txt");

    fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn flow(protocol: u8, source: &str, destination: &str, ports: Option<(u16, u16)>) -> Flow {
        let protocol = Protocol(protocol);
        let is_icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6);
        let port = |port| if is_icmp { None } else { port };
        let mut flow = Flow::new(
            FlowId::from_u128(0),
            protocol,
            Endpoint {
                address: parse(source),
                port: port(ports.map(|ports| ports.0)),
            },
            Endpoint {
                address: parse(destination),
                port: port(ports.map(|ports| ports.1)),
            },
            Interface::new(1, "lo"),
            UNIX_EPOCH,
        );
        if is_icmp {
            flow.forward.icmp = ports.map(|(kind, code)| IcmpMessage {
                kind: u8::try_from(kind).unwrap(),
                code: u8::try_from(code).unwrap(),
            });
        }
        flow
    }

    #[test]
    fn community_ids_equal_the_reference_implementation() {
        let mut checked = 0;
        for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [protocol, source, destination, from, to, seed, id] = fields[..] else {
                panic!("{line}");
            };
            let ports = (from != "-").then(|| (parse(from), parse(to)));
            let flow = flow(parse(protocol), source, destination, ports);
            assert_eq!(flow.community_id(parse(seed)), id, "{line}");
            checked += 1;
        }
        assert!(checked >= 100, "{checked}");
    }

    #[test]
    fn response_alone_gives_the_query_id() {
        let mut ping = flow(1, "10.0.0.2", "10.0.0.1", Some((8, 0)));
        let id = ping.community_id(0);
        ping.reverse.icmp = Some(IcmpMessage { kind: 0, code: 0 });
        assert_eq!(ping.community_id(0), id);
        ping.forward = Uniflow::default();
        assert_eq!(ping.community_id(0), id);
    }

    #[test]
    fn ports_of_other_protocols_do_not_count() {
        let bare = flow(136, "10.0.0.1", "10.0.0.2", None).community_id(0);
        let ported = flow(136, "10.0.0.1", "10.0.0.2", Some((1, 2))).community_id(0);
        assert_eq!(bare, ported);
    }
}
