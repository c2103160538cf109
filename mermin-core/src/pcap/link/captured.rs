//! The captured octets of a packet, and its original length.

use std::cell::Cell;

use mermin_bpf::{
    abi::ledger::Reason,
    wire::bytes::{Bytes, HEADER_LIMIT},
};

use super::ParseOptions;
use crate::pcap::word::Order;

/// Octets of the original packet. They distinguish a header that was not captured from one that does not exist.
#[derive(Clone, Copy)]
pub(super) struct Captured<'a> {
    pub(super) octets: &'a [u8],
    pub(super) length: usize,
    pub(super) short: &'a Cell<bool>,
    pub(super) ifindex: u32,
    pub(super) options: &'a ParseOptions,
}

impl Captured<'_> {
    /// Returns the packet from `at` on, with this original length.
    pub(super) fn from(self, at: usize, length: usize) -> Self {
        Self {
            octets: self.octets.get(at..).unwrap_or_default(),
            length,
            ..self
        }
    }

    /// Returns a field of a link header.
    pub(super) fn field<const N: usize>(self, at: usize) -> Result<[u8; N], Reason> {
        let end = at.saturating_add(N);
        let found = self.octets.get(at..).and_then(|from| from.first_chunk());
        match found {
            Some(octets) if end <= self.length => Ok(*octets),
            _ => {
                if found.is_none() && end <= self.length {
                    self.short.set(true);
                }
                Err(Reason::MalformedEthernet)
            }
        }
    }

    pub(super) fn octet(self, at: usize) -> Result<u8, Reason> {
        self.field(at).map(|[octet]| octet)
    }

    pub(super) fn be16(self, at: usize) -> Result<u16, Reason> {
        self.field(at).map(u16::from_be_bytes)
    }

    pub(super) fn u16(self, order: Order, at: usize) -> Result<u16, Reason> {
        self.field(at).map(|octets| order.u16(octets))
    }

    pub(super) fn u32(self, order: Order, at: usize) -> Result<u32, Reason> {
        self.field(at).map(|octets| order.u32(octets))
    }
}

impl<'a> Bytes for Captured<'a> {
    type Window<const N: usize> = &'a [u8; N];

    #[inline]
    fn window<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        let found = self.octets.window::<N>(at);
        if found.is_none() && at + N <= self.length.min(HEADER_LIMIT) {
            self.short.set(true);
        }
        found
    }
}
