//! The start of a walk in a frame, and its end.

use super::{
    bytes::{Bytes, HEADER_LIMIT},
    ethertype,
    frame::Frame,
};
use crate::abi::ledger::link;

/// Octets that link headers and the beginning of an IP header take at most: Ethernet and four tags twice, eight labels, and some
/// room.
const LINK_HEADERS: u32 = 192;

/// A protocol at an offset in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkStart {
    /// An EtherType: [`ethertype::ETHERNET`] for an Ethernet header, [`WalkStart::BARE_IP`] for IP of either version.
    pub kind: u16,
    /// Its offset.
    pub at: usize,
    /// Its end, in octets on the wire: no header reaches beyond.
    pub end: u32,
    /// The packet continues beyond this frame: its carrier is a first fragment, or truncated.
    pub goes_on: bool,
}

impl WalkStart {
    /// IP of the version in its header, without an EtherType. IANA reserves this number.
    pub const BARE_IP: u16 = 0xffff;

    /// True if all of its link headers are within reach.
    #[inline(always)]
    #[must_use]
    pub fn is_at_hand<B: Bytes>(&self, bytes: B) -> bool {
        let at = self.at as u32;
        // Network service headers may be as long as the parsed part.
        let most = (at + LINK_HEADERS).max(HEADER_LIMIT as u32);
        let end = if self.end < most { self.end } else { most };
        bytes.window::<1>(end.wrapping_sub(1) as usize).is_some()
    }

    /// A whole frame.
    #[inline(always)]
    #[must_use]
    pub const fn outermost(frame: &Frame) -> Self {
        Self {
            kind: if frame.link == link::ETHERNET {
                ethertype::ETHERNET
            } else {
                Self::BARE_IP
            },
            at: 0,
            end: frame.length,
            goes_on: false,
        }
    }
}
