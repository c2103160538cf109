//! TCP (RFC 9293).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of a header without options.
pub const LENGTH: usize = 20;

/// Flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// ECN echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

/// What is used of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sender's and receiver's port.
    pub ports: [u16; 2],
    /// Bits of [`flag`].
    pub flags: u8,
    /// Octets of the header with its options.
    pub header_length: u32,
}

/// Reads the header at `at`, of which the IP packet holds `available` octets.
///
/// # Errors
/// [`Reason::MalformedTcp`] when it is cut or its offset cannot be.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Tcp, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedTcp)?;
    let header_length = u32::from(header.u8(12) >> 4) * 4;
    if header_length < LENGTH as u32 || header_length > available {
        return Err(Reason::MalformedTcp);
    }
    Ok(Tcp {
        ports: [header.be16(0), header.be16(2)],
        flags: header.u8(13),
        header_length,
    })
}
