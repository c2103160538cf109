//! Unencrypted fields of `IPsec` and `WireGuard`.

/// SPIs of `IPsec` or indexes of `WireGuard`. An SPI identifies one direction, so the two directions of an `IPsec`
/// connection are separate flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ipsec {
    /// Security parameters index of an authentication header (RFC 4302).
    pub ah_spi: Option<u32>,
    /// Security parameters index of an encapsulating security payload (RFC 4303).
    pub esp_spi: Option<u32>,
    /// `WireGuard`: the index that the sender of the flow's first packet chose for itself. Only handshake messages
    /// have it.
    pub sender_index: Option<u32>,
    /// `WireGuard`: the index that the receiver of the flow's first packet chose earlier.
    pub receiver_index: Option<u32>,
}

impl Ipsec {
    /// Creates the fields of an authentication header.
    #[must_use]
    pub const fn ah(spi: u32) -> Self {
        Self {
            ah_spi: Some(spi),
            ..Self::none()
        }
    }

    /// Creates the fields of an encapsulating security payload.
    #[must_use]
    pub const fn esp(spi: u32) -> Self {
        Self {
            esp_spi: Some(spi),
            ..Self::none()
        }
    }

    const fn none() -> Self {
        Self {
            ah_spi: None,
            esp_spi: None,
            sender_index: None,
            receiver_index: None,
        }
    }
}
