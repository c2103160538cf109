//! Names of numbers, from IANA's registries.

pub(super) mod icmp;
pub(super) mod icmpv6;
pub(super) mod protocol;
pub(super) mod traffic_class;
