//! The id of a flow.

use std::fmt;

/// The id of a flow, unique across interfaces, hosts and restarts. `Display` prints 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(u128);

impl FlowId {
    /// Creates an id from its 128 bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// Returns the 128 bits.
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_32_digits() {
        assert_eq!(
            FlowId::from_u128(0xAB).to_string(),
            "000000000000000000000000000000ab"
        );
        assert_eq!(FlowId::from_u128(u128::MAX).to_string(), "f".repeat(32));
    }
}
