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
    /// MAC address of the first packet's sender (IPFIX `sourceMacAddress`); absent on links without MAC addresses.
    pub mac: Option<MacAddress>,
}

impl Interface {
    /// Creates an interface without a MAC address.
    #[must_use]
    pub fn new(index: u32, name: impl Into<Arc<str>>) -> Self {
        Self {
            index,
            name: name.into(),
            mac: None,
        }
    }
}
