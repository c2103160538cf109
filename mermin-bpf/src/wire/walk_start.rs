//! Where in a frame a walk begins, and how far it may go.

use super::{
    bytes::{Bytes, HEADER_LIMIT},
    ethertype,
    frame::Frame,
};
use crate::abi::ledger::link;

/// Octets that link headers and the beginning of an IP header take at most: Ethernet and four tags twice, eight labels, and some
/// room.
const LINK_HEADERS: u32 = 192;

/// A protocol at some place of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkStart {
    /// An EtherType: [`ethertype::ETHERNET`] for an Ethernet header, [`WalkStart::BARE_IP`] for IP of either version.
    pub kind: u16,
    /// Where it begins.
    pub at: usize,
    /// Where it ends, in octets on the wire: no header reaches beyond.
    pub end: u32,
    /// The packet goes on beyond this frame: its carrier is a first fragment, or truncated.
    pub goes_on: bool,
}

impl WalkStart {
    /// IP of the version that it says, where no EtherType does. IANA keeps the number from being one.
    pub const BARE_IP: u16 = 0xffff;

    /// True if all of its link headers can be read, as far as the layer has room for them.
    #[inline(always)]
    #[must_use]
    pub fn is_at_hand<B: Bytes>(&self, bytes: B) -> bool {
        let at = self.at as u32;
        // Network service headers may take all that is looked at.
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
