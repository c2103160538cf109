//! Where in a captured packet the walk through its headers begins.

use mermin_bpf::{
    abi::ledger::Reason,
    wire::{ethertype, walk_start::WalkStart},
};

/// Octets that the capture put before the frame. They never were on a wire, so lengths are told without them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Its octets.
    pub(super) octets: usize,
    /// Octets of the frame behind it on the wire, where it says so.
    pub(super) wire: Option<usize>,
}

/// The first header that is read as those of Ethernet are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Its EtherType: [`ethertype::ETHERNET`] for an Ethernet header, [`WalkStart::BARE_IP`] for IP of either version.
    pub(super) kind: u16,
    /// Where it begins.
    pub(super) at: usize,
    /// Where six octets of the sender's address are, if the link's own header has them.
    pub(super) sender_at: Option<usize>,
    /// The frame is the first of several that are one.
    pub(super) goes_on: bool,
}

impl Start {
    pub(super) const fn new(kind: u16, at: usize) -> Self {
        Self {
            kind,
            at,
            sender_at: None,
            goes_on: false,
        }
    }

    /// IP of the version that it says.
    pub(super) const fn bare_ip(at: usize) -> Self {
        Self::new(WalkStart::BARE_IP, at)
    }

    /// An Ethernet header.
    pub(super) const fn ethernet(at: usize) -> Self {
        Self::new(ethertype::ETHERNET, at)
    }

    /// A protocol that is numbered as EtherTypes are, on a link where no length can stand in its place, and which has no
    /// ARP.
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
}
