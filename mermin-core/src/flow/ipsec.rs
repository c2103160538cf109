//! Unencrypted fields of `IPsec` and `WireGuard`.

/// SPI of `IPsec` or index of `WireGuard`. An `IPsec` SPI identifies one direction, so each direction is a separate flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ipsec {
    /// Security parameters index of an authentication header (RFC 4302).
    pub ah_spi: Option<u32>,
    /// Security parameters index of an encapsulating security payload (RFC 4303).
    pub esp_spi: Option<u32>,
    /// `WireGuard`: the index that the sender of the flow's first packet chose for itself, of a handshake message.
    pub sender_index: Option<u32>,
    /// `WireGuard`: the index that the receiver of the flow's first packet had chosen.
    pub receiver_index: Option<u32>,
}

impl Ipsec {
    /// Of an authentication header.
    #[must_use]
    pub const fn ah(spi: u32) -> Self {
        Self {
            ah_spi: Some(spi),
            ..Self::none()
        }
    }

    /// Of an encapsulating security payload.
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
