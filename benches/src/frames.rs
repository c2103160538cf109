//! The frames that benchmarks run.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mermin_core::lab::frame::{flag, tagged, tcp, udp};

/// The far end of every IPv4 frame.
#[must_use]
pub fn server_v4() -> SocketAddr {
    (Ipv4Addr::new(198, 18, 0, 1), 443).into()
}

/// The near end of an IPv4 frame.
#[must_use]
pub fn client_v4(port: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), port).into()
}

/// A known connection's data, IPv4.
#[must_use]
pub fn tcp4(port: u16) -> Vec<u8> {
    tcp(client_v4(port), server_v4(), flag::ACK, 64)
}

/// The same from the other side.
#[must_use]
pub fn tcp4_back(port: u16) -> Vec<u8> {
    tcp(server_v4(), client_v4(port), flag::ACK, 64)
}

/// A datagram, IPv4.
#[must_use]
pub fn udp4(port: u16) -> Vec<u8> {
    udp(client_v4(port), server_v4(), 64)
}

/// A known connection's data, IPv6.
#[must_use]
pub fn tcp6(port: u16) -> Vec<u8> {
    let client = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), port);
    let server = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), 443);
    tcp(client.into(), server.into(), flag::ACK, 64)
}

/// A known connection's data in a VLAN, IPv4.
#[must_use]
pub fn vlan(port: u16) -> Vec<u8> {
    tagged(&tcp4(port), 100)
}
