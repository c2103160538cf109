//! Builds frames to run through the program. Lengths are right. Checksums are zero, because the program does not
//! check them.

use std::net::{IpAddr, SocketAddr};

/// Octets of an Ethernet header.
const ETHERNET: usize = 14;
/// Offset of the lower half of the source address in an untagged IPv4 frame without options.
pub(super) const SOURCE_ADDRESS_LOW: i16 = 28;
/// Offset of its source port.
pub(super) const SOURCE_PORT: i16 = 34;

/// TCP flags of [`tcp`] and [`Segment`].
pub mod flag {
    pub use mermin_bpf::wire::tcp::flag::{ACK, FIN, PSH, RST, SYN};
}

/// A TCP segment without options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment<'a> {
    /// Bits of [`flag`].
    pub flags: u8,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Window, not scaled.
    pub window: u16,
    /// Octets behind the header.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Returns header and payload, from the first of these ports to the second.
    #[must_use]
    pub fn octets(&self, ports: [u16; 2]) -> Vec<u8> {
        let [source, destination] = ports.map(u16::to_be_bytes);
        let numbers = [self.sequence, self.acknowledgment].map(u32::to_be_bytes);
        let mut octets = [&source[..], &destination, &numbers.concat()].concat();
        octets.extend([5 << 4, self.flags]);
        octets.extend(self.window.to_be_bytes());
        // Checksum and urgent pointer.
        octets.extend([0; 4]);
        octets.extend(self.payload);
        octets
    }
}

/// Builds a TCP segment in an Ethernet frame.
#[must_use]
pub fn tcp(source: SocketAddr, destination: SocketAddr, flags: u8, payload: usize) -> Vec<u8> {
    let segment = Segment {
        flags,
        payload: &vec![0; payload],
        ..Segment::default()
    };
    tcp_of(source, destination, &segment)
}

/// Builds an Ethernet frame with this TCP segment.
#[must_use]
pub fn tcp_of(source: SocketAddr, destination: SocketAddr, segment: &Segment<'_>) -> Vec<u8> {
    let octets = segment.octets([source.port(), destination.port()]);
    ethernet(source.ip(), destination.ip(), 6, &octets)
}

/// Builds a UDP datagram in an Ethernet frame. Both addresses have the same IP version.
#[must_use]
pub fn udp(source: SocketAddr, destination: SocketAddr, payload: usize) -> Vec<u8> {
    let mut datagram = vec![0; 8 + payload];
    datagram[..4].copy_from_slice(&ports(source, destination));
    let length = low16(datagram.len());
    datagram[4..6].copy_from_slice(&length);
    ethernet(source.ip(), destination.ip(), 17, &datagram)
}

/// Builds the same frame with an 802.1Q tag.
#[must_use]
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let (macs, rest) = frame.split_at(12);
    [macs, &[0x81, 0], &vlan.to_be_bytes(), rest].concat()
}

fn ports(source: SocketAddr, destination: SocketAddr) -> [u8; 4] {
    let [a, b] = source.port().to_be_bytes();
    let [c, d] = destination.port().to_be_bytes();
    [a, b, c, d]
}

/// Converts a length for a header field. Frames here fit into 16 bits.
fn low16(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

fn ethernet(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ETHERNET + 40 + payload.len());
    // A locally administered address that no interface has, so a stack drops the frame at once.
    frame.extend([2, 0, 0, 0, 0xee, 2, 2, 0, 0, 0, 0xee, 1]);
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
        let [high, low] = low16(20 + payload.len());
        frame.extend([8, 0, 0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend(source.octets());
        frame.extend(destination.octets());
    } else {
        let [high, low] = low16(payload.len());
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, protocol, 64]);
        frame.extend(v6(source));
        frame.extend(v6(destination));
    }
    frame.extend(payload);
    frame
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
