//! Type and code of an ICMP or `ICMPv6` message.

use super::{Protocol, names};

/// Type and code of one message (IPFIX `icmpTypeIPv4`, `icmpCodeIPv4`, `icmpTypeIPv6`, `icmpCodeIPv6`).
///
/// ```
/// use mermin_core::flow::{IcmpMessage, Protocol};
///
/// let message = IcmpMessage { kind: 3, code: 1 };
/// assert_eq!(message.kind_name(Protocol::ICMP), Some("destination_unreachable"));
/// assert_eq!(message.code_name(Protocol::ICMP), Some("host_unreachable"));
/// assert_eq!(message.kind_name(Protocol::TCP), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpMessage {
    /// Message type.
    pub kind: u8,
    /// Message code.
    pub code: u8,
}

impl IcmpMessage {
    /// Returns the name of the type in the registry of `protocol` (ICMP or `ICMPv6`), in lower case with underscores.
    #[must_use]
    pub const fn kind_name(self, protocol: Protocol) -> Option<&'static str> {
        match protocol {
            Protocol::ICMP => names::icmp::kind(self.kind),
            Protocol::ICMPV6 => names::icmpv6::kind(self.kind),
            _ => None,
        }
    }

    /// Returns the name of the code in the registry of `protocol`. `None` if the type has only one code.
    #[must_use]
    pub const fn code_name(self, protocol: Protocol) -> Option<&'static str> {
        match protocol {
            Protocol::ICMP => names::icmp::code(self.kind, self.code),
            Protocol::ICMPV6 => names::icmpv6::code(self.kind, self.code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn message(kind: u8, code: u8) -> IcmpMessage {
        IcmpMessage { kind, code }
    }

    #[test]
    fn each_protocol_has_its_own_names() {
        let (v4, v6) = (Protocol::ICMP, Protocol::ICMPV6);
        assert_eq!(message(8, 0).kind_name(v4), Some("echo_request"));
        assert_eq!(message(8, 0).kind_name(v6), None);
        assert_eq!(message(128, 0).kind_name(v6), Some("echo_request"));
        assert_eq!(message(8, 0).code_name(v4), None);
        assert_eq!(message(3, 3).code_name(v4), Some("port_unreachable"));
        assert_eq!(message(1, 4).code_name(v6), Some("port_unreachable"));
        assert_eq!(message(8, 0).kind_name(Protocol::TCP), None);
    }
}
