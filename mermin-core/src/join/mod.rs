//! Joins the flows of a conversation that several interfaces see. One flow reports it. The record names the interfaces
//! of all of them, and with [`Join::Merged`] has the counts of each.
//!
//! This module does no I/O. The source calls [`Conversations`] when a flow begins or ends, and before each record.
//!
//! * **A conversation** is the set of flows with the same IP version, addresses, protocol, and ports (or their
//!   substitutes for ICMP, ESP and AH), in both directions and inside tunnels. Interface, VLANs and tunnels do not
//!   matter. The flows must overlap in time; a gap of up to one second counts as an
//!   overlap. A conversation has at most one open flow of each key, so a
//!   second connection on the same ports is another conversation.
//! * **A translation of addresses (NAT)** ends a conversation: each side has endpoints of its own. Connection tracking names the other side
//!   when both flows have begun and may have been reported, too late to decide which of them reports.
//! * **The reporting flow** is chosen when the first record of any flow of the conversation is due. If any flow sees
//!   both directions, the first of those is chosen, otherwise the first that sees a packet. All flows are known by then: a packet
//!   passes all interfaces within milliseconds, and the capture thread usually reads a flow within 100 ms of its start
//!   (later if the table is so large that a sweep is slow). Before flows are closed because an interface was removed or
//!   the source closes, all new flows are read.
//! * **Another flow takes over** when it has packets that the reporting flow does not have: its last packet is more than
//!   a second later than the reporting flow's, or it has a direction that the reporting flow lacks. That happens when an
//!   interface is removed, is no longer watched, or when the path moves. Both flows have counted packets since the
//!   new one began. Of its own packets, the new flow moves to `joined` as many as the former flow counted since then, and
//!   reports the others. The former flow still reports the packets that it had when the new one took over.
//! * **Records of other flows are suppressed**: their packets go to the reason `joined`, as those that the filter
//!   rejects go to `filtered`. Both are suppressed in the same steps ([`redo`](crate::bpf::pin::redo)), and the process
//!   may be killed between any two of them. A suppressed record takes a sequence number.
//! * A flow of which an earlier process made a record is the reporting flow for the next process, acknowledged or not;
//!   of several, the first that is read.
//!
//! The counts of all open flows are read from their slots when a record is made. So a packet in transit may be counted at
//! one interface and not yet at the next.

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
/// pods. See [`FlowSourceBuilder::join`](crate::FlowSourceBuilder::join). A conversation whose addresses this host
/// translates (NAT) is one on each side of the translation.
///
/// ```
/// use mermin_core::{FlowSource, Join};
///
/// // Traffic between two pods of this node has one record, with the counts of both interfaces.
/// let source = FlowSource::builder().interfaces(["veth*"]).join(Join::Merged);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Join {
    /// Each interface reports its own flow.
    #[default]
    PerInterface,
    /// The first interface that sees both directions reports the conversation, or, if none does, the first that sees a packet. The
    /// record names all interfaces ([`Flow::observation_points`](crate::Flow::observation_points)).
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
