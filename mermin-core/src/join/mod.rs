//! Joins the flows of a conversation that several interfaces see. One flow reports it, with the counts of the others.
//!
//! This module does no I/O. The source calls [`Conversations`] when a flow begins or ends, and before each record.
//!
//! * A **conversation** is a set of flows that overlap in time and have the same IP version, addresses, protocol and
//!   ports (or the fields that replace ports for ICMP, ESP and AH). Interface, VLANs and tunnels do not matter.
//! * The interface that saw the first packet **reports** the conversation. If it sees only one direction, the first
//!   interface that sees both reports it instead.
//! * Another interface **takes over** when it has packets that the reporter lacks: later ones, or the other
//!   direction. Packets that the earlier reporter also had are suppressed first.

mod conversation;
mod group;
mod points;
mod share;
mod sight;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    group::Decision,
    share::part_of_another,
    sight::Sight,
    table::{Beginning, Conversations},
};

/// How often a conversation is reported if it crosses several watched interfaces, such as the traffic between two
/// pods. See [`FlowSourceBuilder::join`](crate::FlowSourceBuilder::join).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Join {
    /// Each interface reports its own flow.
    #[default]
    PerInterface,
    /// The interface that saw the first packet reports the conversation, and the record names the other interfaces
    /// ([`Flow::observation_points`](crate::Flow::observation_points)).
    FirstSeen,
    /// As `FirstSeen`, and the record has the counts of each interface: packets, octets and the time of the first
    /// packet. They show loss and delay between two interfaces.
    Merged,
}

impl Join {
    /// All variants, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::PerInterface, Self::FirstSeen, Self::Merged];

    /// Returns the text used in configuration files and on the command line: `per_interface`, `first_seen`, `merged`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerInterface => "per_interface",
            Self::FirstSeen => "first_seen",
            Self::Merged => "merged",
        }
    }
}
