//! Decides by listening ports which side of a flow is the server, if the capture began during the connection.
//!
//! With `listening_ports`, the thread of lookups looks for listening sockets of each TCP or UDP flow, unless the first
//! packet opened a connection. It asks the kernel for each flow and keeps no table of listeners: `sock_diag(7)` reports
//! when a socket is closed but not when one is opened, so a table would be outdated between two readings.
//!
//! A request uses the kernel's own lookup of a packet's receiver, with a sender that no connection has (address and
//! port zero). So the kernel returns the listening socket at that moment, bound to the address or to all addresses, for
//! one or both IP versions. A request takes 3.5 µs of CPU time, with or without 1,000 other sockets; reading those
//! 1,000 would take 0.7 ms. A remote endpoint takes no system call, because no network namespace has its address. The
//! lookup does not find a socket bound to an interface (`SO_BINDTODEVICE`). The result stays with the flow until it
//! ends.
//!
//! An unconnected UDP client has the same kind of socket as a server, but the kernel chose its port
//! (`net.ipv4.ip_local_port_range` of that namespace). So such a port does not count as listening.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::lookup::FlowEndpoints;
use crate::flow::{Direction, FIRST_USER_PORT};

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
/// a server. A remote side with a system port may be a server that this host cannot ask.
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
    let is_client = |place: usize, end: SocketAddr| match known[place] {
        Listening::No => true,
        Listening::Elsewhere => end.port() >= FIRST_USER_PORT,
        Listening::Yes | Listening::Unsure => false,
    };
    let direction = if known[1] == Listening::Yes && is_client(0, ends.source) {
        Direction::Forward
    } else if known[0] == Listening::Yes && is_client(1, ends.destination) {
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
    use crate::flow::Protocol;

    fn told(source: &str, destination: &str, known: [Listening; 2]) -> ServerSide {
        let ends = FlowEndpoints {
            protocol: Protocol::TCP,
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            is_opened: false,
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
            assert_eq!(
                told("10.0.0.1:40000", "10.0.0.2:8080", known),
                ServerSide {
                    direction,
                    may_change
                },
                "{known:?}"
            );
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
            let direction = told(source, destination, known).direction;
            assert_eq!(direction, Direction::Unknown, "{source} {destination}");
        }
    }
}
