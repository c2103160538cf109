//! The place where the IP header of a layer begins.

use super::bytes::{Bytes, Window};

/// The place of an IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L3Start {
    /// EtherType of IPv4 or IPv6.
    pub kind: u16,
    /// Offset of the header.
    pub at: usize,
    /// End of its layer.
    pub end: u32,
    /// Offset of the sender's MAC; 0 without an Ethernet header.
    pub mac_at: u32,
}

impl L3Start {
    /// The same, whose path the kernel's verifier has forgotten.
    #[inline(always)]
    pub(super) fn blurred<B: Bytes>(self, bytes: B) -> Self {
        let kind = bytes.barrier_var(self.kind.into());
        let end = bytes.barrier_var(self.end as usize);
        let mac_at = bytes.barrier_var(self.mac_at as usize);
        Self {
            kind: kind as u16,
            at: bytes.barrier_var(self.at),
            end: end as u32,
            mac_at: mac_at as u32,
        }
    }

    /// The sender's MAC; zeroes without an Ethernet header.
    #[inline(always)]
    #[must_use]
    pub fn mac<B: Bytes>(&self, bytes: B) -> [u8; 6] {
        if self.mac_at == 0 {
            return [0; 6];
        }
        bytes
            .window::<6>(self.mac_at as usize)
            .map_or([0; 6], |mac| {
                let [first, second, third, fourth] = mac.raw32(0).to_ne_bytes();
                [first, second, third, fourth, mac.u8(4), mac.u8(5)]
            })
    }
}
