//! Where in a frame a walk begins, and how far it may go.

use super::{ethertype, packet::Frame};
use crate::abi::ledger::link;

/// What stands at some place of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// An EtherType: [`ethertype::ETHERNET`] for an Ethernet header, [`Layer::BARE_IP`] for IP of either version.
    pub kind: u16,
    /// Where it begins.
    pub at: usize,
    /// Where it ends, in octets on the wire: no header reaches beyond.
    pub end: u32,
    /// What carries it is the first of several fragments: the rest is elsewhere.
    pub goes_on: bool,
}

impl Layer {
    /// IP of the version that it says, where no EtherType does. IANA keeps the number from being one.
    pub const BARE_IP: u16 = 0xffff;

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
