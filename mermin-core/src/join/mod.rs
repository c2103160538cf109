//! Conversations that several interfaces see: which flow reports, and the counts of the others.
//!
//! Does no I/O. [`Conversations`] is called when a flow begins or ends, and decides about each record if it is made.
//!
//! * A **conversation** is a set of flows with the same IP version, addresses, protocol, and ports (or their
//!   substitutes for ICMP, ESP and AH), which overlap in time. Interface, VLANs and tunnels do not matter.
//! * The interface that saw its first packet **reports** it, unless it sees one direction only and another interface
//!   sees both.
//! * Another interface **takes over** when it has packets that the reporting one has not: later ones, or the other
//!   direction. Packets that the former one had too are suppressed first.

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

/// How often a conversation is reported that crosses several watched interfaces, such as the traffic between two pods:
/// see [`FlowSourceBuilder::join`](crate::FlowSourceBuilder::join).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Join {
    /// Each interface reports its own flow.
    #[default]
    PerInterface,
    /// Once, by the interface that saw its first packet; the record names the others
    /// ([`Flow::observation_points`](crate::Flow::observation_points)).
    FirstSeen,
    /// The same, and the record says what each interface saw: packets, octets and the first packet's time, so that loss and delay
    /// between two of them show.
    Merged,
}

impl Join {
    /// Every way, in the order of this list.
    pub const ALL: [Self; 3] = [Self::PerInterface, Self::FirstSeen, Self::Merged];

    /// As configuration and command line have it: `per_interface`, `first_seen`, `merged`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerInterface => "per_interface",
            Self::FirstSeen => "first_seen",
            Self::Merged => "merged",
        }
    }
}
