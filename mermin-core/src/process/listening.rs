//! Decides by listening ports which side of a flow is the server, if the capture began during the connection.
//!
//! With `listening_ports`, the thread of look-ups looks for listening sockets of each TCP or UDP flow, unless the first
//! packet opened a connection. It asks the kernel for each flow and keeps no table of listeners: `sock_diag(7)` reports
//! when a socket is closed but not when one is opened, so a table would be outdated between two readings.
//!
//! A request uses the kernel's own look-up of a packet's receiver, with a sender that no connection has (address and
//! port zero). So the kernel returns the listening socket at that moment, bound to the address or to all addresses, for
//! one or both IP versions. A request takes 3.5 µs of CPU time, with or without 1,000 other sockets; reading those
//! 1,000 would take 0.7 ms. A remote endpoint takes no system call, because no network namespace has its address. The
//! request names the interface that a packet came in at, so that sockets bound to it are found (`SO_BINDTODEVICE`): the
//! one that saw the flow, or one that has the address. Sockets bound to a VRF are not found. The result stays with the
//! flow until it ends.
//!
//! An unconnected UDP client has the same kind of socket as a server, but usually the kernel chose its port
//! (`net.ipv4.ip_local_port_range` of that namespace). So such a port does not count as listening. If a client chose
//! another port, only the first packet and the port of the other side tell it from a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::lookup::FlowEndpoints;
use crate::flow::{Direction, FIRST_USER_PORT, Protocol};

/// From this port on, Linux chooses ports of clients (`ip_local_port_range`). Dynamic ports of RFC 6335 begin later, at 49152.
pub(super) const FIRST_CLIENT_PORT: u16 = 32_768;

/// Result of looking for a listener on one side of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listening {
    /// A socket of this host listens at the address and port.
    Yes,
    /// This host has the address, and no socket listens there.
    No,
    /// Several network namespaces have the address and disagree, or none answered.
    Unsure,
    /// No network namespace of this host has the address.
    Elsewhere,
}

/// The direction of a flow, decided by listening ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerSide {
    /// The only side that listens is the server. Unknown if both sides listen or neither does.
    pub(super) direction: Direction,
    /// No network namespace has either address. One may have appeared since the last look for namespaces.
    pub(super) may_change: bool,
}

/// Decides which side of a flow is the server; `of` returns the result for one side.
///
/// Datagrams between equal ports (NTP, mDNS) or to a group are traffic among peers, so a listening port does not make
/// a server.
///
/// A remote side cannot be asked. The side of TCP that listens is the server nevertheless: the kernel gives no client the port of a
/// listener. An unconnected UDP socket may be a client's that chose its port. So the other side has to be a client by its port: a user
/// port if the first packet went to the listener, and one that systems choose if the listener sent it.
pub(super) fn decide(
    ends: &FlowEndpoints,
    mut of: impl FnMut(SocketAddr) -> Listening,
) -> ServerSide {
    let is_among_peers =
        ends.source.port() == ends.destination.port() || is_group(ends.destination.ip());
    if is_among_peers {
        return ServerSide {
            direction: Direction::Unknown,
            may_change: false,
        };
    }
    let known = [ends.source, ends.destination].map(&mut of);
    let is_client = |place: usize, end: SocketAddr, first_port: u16| match known[place] {
        Listening::No => true,
        Listening::Elsewhere => ends.protocol == Protocol::TCP || end.port() >= first_port,
        Listening::Yes | Listening::Unsure => false,
    };
    let direction = if known[1] == Listening::Yes && is_client(0, ends.source, FIRST_USER_PORT) {
        Direction::Forward
    } else if known[0] == Listening::Yes && is_client(1, ends.destination, FIRST_CLIENT_PORT) {
        Direction::Reverse
    } else {
        Direction::Unknown
    };
    ServerSide {
        direction,
        may_change: known == [Listening::Elsewhere; 2],
    }
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address == Ipv4Addr::BROADCAST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_side(
        protocol: Protocol,
        source: &str,
        destination: &str,
        known: [Listening; 2],
    ) -> ServerSide {
        let ends = FlowEndpoints {
            protocol,
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            is_opened: false,
            is_source_higher: false,
            interface: 1,
        };
        decide(&ends, |end| known[usize::from(end != ends.source)])
    }

    #[test]
    fn one_end_that_listens_is_the_server() {
        use Direction::{Forward, Reverse, Unknown};
        use Listening::{Elsewhere, No, Unsure, Yes};
        for (known, direction, may_change) in [
            ([No, Yes], Forward, false),
            ([Yes, No], Reverse, false),
            ([Elsewhere, Yes], Forward, false),
            ([Yes, Elsewhere], Reverse, false),
            ([Yes, Yes], Unknown, false),
            ([No, No], Unknown, false),
            ([Yes, Unsure], Unknown, false),
            ([Unsure, Yes], Unknown, false),
            ([No, Elsewhere], Unknown, false),
            ([Elsewhere, Elsewhere], Unknown, true),
        ] {
            for protocol in [Protocol::TCP, Protocol::UDP] {
                assert_eq!(
                    server_side(protocol, "10.0.0.1:40000", "10.0.0.2:40001", known),
                    ServerSide {
                        direction,
                        may_change
                    },
                    "{protocol} {known:?}"
                );
            }
        }
    }

    /// The port of the listener's remote peer, seen first and seen second: whether the listener is the server.
    #[test]
    fn remote_peer_of_a_udp_listener_is_a_client_by_its_port() {
        use Listening::{Elsewhere, Yes};
        for (port, is_server) in [
            (800, [false, false]),
            (1023, [false, false]),
            (1024, [true, false]),
            (32_767, [true, false]),
            (32_768, [true, true]),
        ] {
            let (listener, peer) = ("10.0.0.1:5060", format!("192.0.2.1:{port}"));
            let found = |protocol| {
                let asked = server_side(protocol, &peer, listener, [Elsewhere, Yes]);
                let heard = server_side(protocol, listener, &peer, [Yes, Elsewhere]);
                [
                    asked.direction == Direction::Forward,
                    heard.direction == Direction::Reverse,
                ]
            };
            assert_eq!(found(Protocol::UDP), is_server, "{port}");
            assert_eq!(found(Protocol::TCP), [true; 2], "{port}");
        }
    }

    #[test]
    fn peers_have_no_server() {
        use Listening::{Elsewhere, No, Yes};
        for (source, destination, known) in [
            ("10.0.0.1:5353", "10.0.0.2:5353", [Yes, No]),
            ("10.0.0.1:1900", "239.255.255.250:4000", [Yes, Elsewhere]),
            ("[fd00::1]:5353", "[ff02::fb]:4000", [Yes, Elsewhere]),
            ("10.0.0.1:6800", "255.255.255.255:6700", [Yes, Elsewhere]),
            // A DHCP client listens at its port, too.
            ("10.0.0.1:68", "10.0.0.2:67", [Yes, Elsewhere]),
            ("10.0.0.2:67", "10.0.0.1:68", [Elsewhere, Yes]),
        ] {
            let direction = server_side(Protocol::UDP, source, destination, known).direction;
            assert_eq!(direction, Direction::Unknown, "{source} {destination}");
        }
    }
}
