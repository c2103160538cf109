//! The interface of a flow.

use std::sync::Arc;

use super::MacAddress;

/// The interface that a flow was seen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Interface {
    /// Kernel index, unique in its network namespace at one time (IPFIX `ingressInterface`).
    pub index: u32,
    /// Its name when the record was made (IPFIX `interfaceName`).
    pub name: Arc<str>,
    /// MAC address on the source's side of the link, from the flow's first packet (IPFIX `sourceMacAddress`); absent on links without MAC
    /// addresses, and in a tunnel if the destination sent the first packet.
    pub source_mac: Option<MacAddress>,
    /// MAC address on the destination's side (IPFIX `destinationMacAddress`); absent on links without MAC addresses, and in a tunnel
    /// if the source sent the first packet.
    pub destination_mac: Option<MacAddress>,
}

impl Interface {
    /// Creates an interface without MAC addresses.
    #[must_use]
    pub fn new(index: u32, name: impl Into<Arc<str>>) -> Self {
        Self {
            index,
            name: name.into(),
            source_mac: None,
            destination_mac: None,
        }
    }
}
