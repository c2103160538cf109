//! The fields by which connection tracking knows a packet.

use crate::flow::{Endpoint, Protocol};

/// Messages of queries that connection tracking knows, and of their answers, by protocol.
const QUERIES: [(Protocol, u8, u8); 5] = [
    (Protocol::ICMP, 8, 0),
    (Protocol::ICMP, 13, 14),
    (Protocol::ICMP, 15, 16),
    (Protocol::ICMP, 17, 18),
    (Protocol::ICMPV6, 128, 129),
];

/// A query of ICMP or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) id: u16,
}

/// A packet, by the fields that a translation may change, and its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuple {
    pub(crate) protocol: Protocol,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    /// Present for ICMP and `ICMPv6`.
    pub(crate) query: Option<Query>,
}

impl Tuple {
    /// Returns the tuple of a packet with ports. `None` without ports, and for protocols that are not looked up: connection tracking
    /// also has UDP-Lite and, until Linux 6.16, DCCP.
    pub(crate) fn with_ports(
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
    ) -> Option<Self> {
        const TRACKED: [Protocol; 3] = [Protocol::TCP, Protocol::UDP, Protocol::SCTP];
        let has_ports = source.port.is_some() && destination.port.is_some();
        (TRACKED.contains(&protocol) && has_ports).then_some(Self {
            protocol,
            source,
            destination,
            query: None,
        })
    }

    /// Returns the tuple of a query from source to destination. `None` for one that connection tracking does not know.
    pub(crate) fn of_query(
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
        query: Query,
    ) -> Option<Self> {
        let mut known = QUERIES.into_iter();
        let is_known = known.any(|(of, kind, _)| (of, kind) == (protocol, query.kind));
        is_known.then_some(Self {
            protocol,
            source,
            destination,
            query: Some(query),
        })
    }

    /// Returns the tuple of a packet in the other direction.
    pub(crate) fn reversed(&self) -> Self {
        let other = |query: Query| {
            let pair = QUERIES.into_iter().find(|&(protocol, one, another)| {
                protocol == self.protocol && [one, another].contains(&query.kind)
            });
            let kind = pair.map_or(
                query.kind,
                |(_, one, another)| {
                    if query.kind == one { another } else { one }
                },
            );
            Query { kind, ..query }
        };
        Self {
            protocol: self.protocol,
            source: self.destination,
            destination: self.source,
            query: self.query.map(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 4] = [10, 0, 0, 1];
    const TWO: [u8; 4] = [10, 0, 0, 2];

    #[test]
    fn query_and_its_answer_are_tuples_of_each_other() {
        let ends = [ONE, TWO].map(Endpoint::without_port);
        let of = |protocol, kind| {
            let message = Query {
                kind,
                code: 0,
                id: 7,
            };
            Tuple::of_query(protocol, ends[0], ends[1], message)
        };
        for (protocol, query, answer) in QUERIES {
            let tuple = of(protocol, query).unwrap();
            assert_eq!(tuple.query.unwrap().kind, query);
            let back = tuple.reversed();
            assert_eq!((back.source, back.destination), (ends[1], ends[0]));
            assert_eq!(back.query.unwrap().kind, answer);
            assert_eq!(back.reversed(), tuple);
        }
        // An answer, destination unreachable, and a neighbour solicitation.
        assert_eq!(of(Protocol::ICMP, 0), None);
        assert_eq!(of(Protocol::ICMP, 3), None);
        assert_eq!(of(Protocol::ICMPV6, 135), None);
    }

    #[test]
    fn only_tracked_ports_are_asked_about() {
        let ends = [Endpoint::new(ONE, 1), Endpoint::new(TWO, 2)];
        for protocol in [Protocol::TCP, Protocol::UDP, Protocol::SCTP] {
            assert!(Tuple::with_ports(protocol, ends[0], ends[1]).is_some());
        }
        assert_eq!(Tuple::with_ports(Protocol(33), ends[0], ends[1]), None);
        let bare = Endpoint::without_port(ONE);
        assert_eq!(Tuple::with_ports(Protocol::UDP, bare, ends[1]), None);
    }
}
