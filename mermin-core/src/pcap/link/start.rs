//! The point in a captured packet where the packet parser starts.

use mermin_bpf::{
    abi::ledger::Reason,
    wire::{ethertype, walk_start::WalkStart},
};

/// Capture headers before the frame. They were never on the wire, so lengths do not include them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Number of these octets.
    pub(super) octets: usize,
    /// Octets of the frame on the wire, if the capture header states them.
    pub(super) wire: Option<usize>,
}

/// The first header that the packet parser understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Its EtherType: [`ethertype::ETHERNET`] for an Ethernet header, [`WalkStart::BARE_IP`] for IP of either
    /// version.
    pub(super) kind: u16,
    /// Its offset.
    pub(super) at: usize,
    /// Offset of the sender's MAC address, if the link's own header has one.
    pub(super) sender_at: Option<usize>,
    /// Offset of the receiver's MAC address, if the link's own header has one.
    pub(super) receiver_at: Option<usize>,
    /// The frame is the first fragment of a larger one.
    pub(super) goes_on: bool,
}

impl Start {
    pub(super) const fn new(kind: u16, at: usize) -> Self {
        Self {
            kind,
            at,
            sender_at: None,
            receiver_at: None,
            goes_on: false,
        }
    }

    /// Starts at an IP header; its version field decides the version.
    pub(super) const fn bare_ip(at: usize) -> Self {
        Self::new(WalkStart::BARE_IP, at)
    }

    /// Starts at an Ethernet header.
    pub(super) const fn ethernet(at: usize) -> Self {
        Self::new(ethertype::ETHERNET, at)
    }

    /// Starts at a protocol with an EtherType number. The link has neither ARP nor a length in place of the number.
    pub(super) const fn numbered(kind: u16, at: usize) -> Result<Self, Reason> {
        match kind {
            0..ethertype::LOWEST | ethertype::ARP | ethertype::RARP => Err(Reason::OtherEthertype),
            _ => Ok(Self::new(kind, at)),
        }
    }

    pub(super) const fn sent_by(self, sender_at: usize) -> Self {
        Self {
            sender_at: Some(sender_at),
            ..self
        }
    }

    pub(super) const fn sent_to(self, receiver_at: usize) -> Self {
        Self {
            receiver_at: Some(receiver_at),
            ..self
        }
    }
}
