//! Fields of the IP header of one packet.

use super::names::traffic_class;

/// Fields of one IPv4 or IPv6 header.
///
/// ```
/// use mermin_core::flow::IpHeader;
///
/// let header = IpHeader::new(0xb8, 64, None); // from the traffic class, as it is in the header
/// assert_eq!((header.dscp, header.dscp_name()), (46, Some("ef")));
/// assert_eq!((header.ecn, header.ecn_name()), (0, "non-ect"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IpHeader {
    /// Differentiated services code point, 0 to 63 (RFC 2474; IPFIX `ipDiffServCodePoint`).
    pub dscp: u8,
    /// Explicit congestion notification, 0 to 3 (RFC 3168).
    pub ecn: u8,
    /// IPv4 time to live or IPv6 hop limit (IPFIX `ipTTL`).
    pub ttl: u8,
    /// IPv6 flow label, 20 bits (IPFIX `flowLabelIPv6`); absent for IPv4.
    pub flow_label: Option<u32>,
}

impl IpHeader {
    /// Creates the fields of a header. `traffic_class` is the octet that IPv4 calls type of service and IPv6 traffic
    /// class (IPFIX `ipClassOfService`).
    #[must_use]
    pub const fn new(traffic_class: u8, ttl: u8, flow_label: Option<u32>) -> Self {
        Self {
            dscp: traffic_class >> 2,
            ecn: traffic_class & 3,
            ttl,
            flow_label,
        }
    }

    /// Returns IANA's name of the code point in lower case, with `df` (default forwarding) for 0. `None` if the
    /// registry has no name.
    #[must_use]
    pub const fn dscp_name(&self) -> Option<&'static str> {
        traffic_class::dscp(self.dscp)
    }

    /// Returns RFC 3168's name in lower case: `non-ect`, `ect1`, `ect0` or `ce`.
    #[must_use]
    pub const fn ecn_name(&self) -> &'static str {
        traffic_class::ecn(self.ecn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_class_is_a_code_point_and_two_bits() {
        let header = IpHeader::new(0xba, 64, None);
        assert_eq!((header.dscp, header.dscp_name()), (46, Some("ef")));
        assert_eq!((header.ecn, header.ecn_name()), (2, "ect0"));
        assert_eq!(IpHeader::new(0xff, 1, None).dscp_name(), None);
        assert_eq!(IpHeader::new(0, 1, None).dscp_name(), Some("df"));
    }
}
