//! The transport header, as far as flows need it.

use super::{
    bytes::Bytes,
    dccp, icmp,
    ip::Ip,
    ipsec,
    protocol::{self, Kind},
    pseudo_ports, sctp, tcp, udp, udp_lite,
};
use crate::abi::ledger::Reason;

/// The fields that distinguish flows between the same addresses, and the header's length.
// An octet first, as in `Ip`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Content of the packet: [`Kind::of`] its protocol, set by the arm that reads it. A second
    /// look at the number costs 1 to 2 ns.
    pub kind: Kind,
    /// TCP flags, or the flags of the same meaning for SCTP and DCCP; 0 for other protocols.
    pub tcp_flags: u8,
    /// ICMP or ICMPv6 type and code; zeroes for other protocols.
    pub icmp: [u8; 2],
    /// Sender's, then receiver's port. Substitutes for ports of other protocols: see [`pseudo_ports`].
    pub ports: [u16; 2],
    /// Octets of the header; 0 for protocols without segmentation.
    pub header_length: u32,
}

/// Octets that any IGMP message has (RFC 2236, RFC 3376).
const IGMP_LENGTH: u32 = 8;

/// Reads the header behind an IP header. With `whole`, its lengths are compared with the packet's.
///
/// # Errors
/// The reason of the malformed header. An unknown protocol has none.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, ip: &Ip, whole: bool) -> Result<Transport, Reason> {
    let (at, available) = (ip.payload, ip.payload_length());
    let mut found = Transport::default();
    match ip.protocol {
        protocol::TCP => {
            let header = tcp::parse(bytes, at, available)?;
            found.ports = header.ports;
            found.tcp_flags = header.flags;
            found.kind = Kind::Tcp;
            found.header_length = header.header_length;
        }
        protocol::UDP => {
            found.ports = udp::parse(bytes, at, available, whole)?;
            found.kind = Kind::Udp;
            found.header_length = udp::LENGTH as u32;
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let header = icmp::parse(bytes, at, available)?;
            found.icmp = [header.kind, header.code];
            found.ports = pseudo_ports::icmp_ports(ip.protocol, &header);
        }
        protocol::SCTP => {
            let header = sctp::parse(bytes, at, available)?;
            found.ports = header.ports;
            found.tcp_flags = header.flags;
            found.kind = Kind::Ports;
            found.header_length = sctp::COMMON as u32;
        }
        protocol::DCCP => {
            let header = dccp::parse(bytes, at, available)?;
            found.kind = Kind::Ports;
            found.ports = header.ports;
            found.tcp_flags = header.flags;
            found.header_length = header.header_length;
        }
        protocol::UDP_LITE => {
            found.ports = udp_lite::parse(bytes, at, available, whole)?;
            found.kind = Kind::Ports;
            found.header_length = udp::LENGTH as u32;
        }
        protocol::ESP => found.ports = pseudo_ports::spi_ports(ipsec::esp(bytes, at, available)?),
        protocol::AH => found.ports = pseudo_ports::spi_ports(ipsec::ah(bytes, at, available)?),
        protocol::IGMP if available < IGMP_LENGTH => return Err(Reason::MalformedTransport),
        protocol::IPV4 | protocol::IPV6 | protocol::GRE | protocol::ETHERIP | protocol::L2TP => {
            found.kind = Kind::Carrier;
        }
        _ => {}
    }
    Ok(found)
}
