//! The protocol above IP.

use std::fmt;

use super::names::protocol;

/// IANA protocol number (IPFIX `protocolIdentifier`). `Display` prints its keyword, or the number if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Internet Control Message Protocol (RFC 792).
    pub const ICMP: Self = Self(1);
    /// Internet Group Management Protocol (RFC 3376).
    pub const IGMP: Self = Self(2);
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: Self = Self(4);
    /// Transmission Control Protocol (RFC 9293).
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol (RFC 768).
    pub const UDP: Self = Self(17);
    /// Datagram Congestion Control Protocol (RFC 4340).
    pub const DCCP: Self = Self(33);
    /// IPv6 in IP (RFC 2473, RFC 4213).
    pub const IPV6: Self = Self(41);
    /// Generic Routing Encapsulation (RFC 2784).
    pub const GRE: Self = Self(47);
    /// Encapsulating Security Payload (RFC 4303).
    pub const ESP: Self = Self(50);
    /// Authentication Header (RFC 4302).
    pub const AH: Self = Self(51);
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
    /// Ethernet in IP (RFC 3378).
    pub const ETHERIP: Self = Self(97);
    /// Layer 2 Tunneling Protocol version 3 (RFC 3931).
    pub const L2TP: Self = Self(115);
    /// Stream Control Transmission Protocol (RFC 9260).
    pub const SCTP: Self = Self(132);
    /// Lightweight User Datagram Protocol (RFC 3828).
    pub const UDP_LITE: Self = Self(136);

    /// Returns IANA's keyword in lower case. `None` if the number has none.
    ///
    /// ```
    /// use mermin_core::flow::Protocol;
    ///
    /// assert_eq!(Protocol::ICMPV6.keyword(), Some("ipv6-icmp"));
    /// assert_eq!(Protocol(253).keyword(), None);
    /// assert_eq!(Protocol(253).to_string(), "253");
    /// ```
    #[must_use]
    pub fn keyword(self) -> Option<&'static str> {
        protocol::keyword(self.0)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keyword() {
            Some(keyword) => f.pad(keyword),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_in_their_places() {
        let known = [
            (Protocol::ICMP, "icmp"),
            (Protocol::IGMP, "igmp"),
            (Protocol::TCP, "tcp"),
            (Protocol::UDP, "udp"),
            (Protocol::DCCP, "dccp"),
            (Protocol(41), "ipv6"),
            (Protocol::GRE, "gre"),
            (Protocol::ESP, "esp"),
            (Protocol::AH, "ah"),
            (Protocol::ICMPV6, "ipv6-icmp"),
            (Protocol(60), "ipv6-opts"),
            (Protocol(62), "cftp"),
            (Protocol(89), "ospfigp"),
            (Protocol(94), "ipip"),
            (Protocol::ETHERIP, "etherip"),
            (Protocol(103), "pim"),
            (Protocol(112), "vrrp"),
            (Protocol(115), "l2tp"),
            (Protocol::SCTP, "sctp"),
            (Protocol::UDP_LITE, "udplite"),
            (Protocol(147), "bit-emu"),
        ];
        for (protocol, keyword) in known {
            assert_eq!(protocol.to_string(), keyword);
        }
        assert_eq!(Protocol(61).to_string(), "61");
        assert_eq!(Protocol(255).to_string(), "255");
    }

    #[test]
    fn keywords_are_distinct_lower_case() {
        let mut seen = std::collections::HashSet::new();
        for keyword in (0..=255).filter_map(|number| Protocol(number).keyword()) {
            assert_eq!(keyword, keyword.to_ascii_lowercase());
            assert!(seen.insert(keyword), "{keyword} twice");
        }
        assert_eq!(seen.len(), 142);
    }
}
