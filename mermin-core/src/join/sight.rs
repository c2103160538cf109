//! The view of one interface on a conversation.

use std::sync::Arc;

use mermin_bpf::abi::slot::DIRECTIONS;

use crate::table::{
    export_state::Exported,
    snapshot::{FlowSnapshot, Side},
};

/// Packets and octets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Packets on the wire.
    pub(crate) packets: u64,
    /// IP octets of these packets.
    pub(crate) octets: u64,
}

impl Counted {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            octets: self.octets.wrapping_add(other.octets),
        }
    }

    /// Returns the difference, or zero if the other count is greater.
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(other.packets),
            octets: self.octets.saturating_sub(other.octets),
        }
    }

    pub(super) fn at_least(self, other: Self) -> Self {
        Self {
            packets: self.packets.max(other.packets),
            octets: self.octets.max(other.octets),
        }
    }

    pub(super) fn at_most(self, other: Self) -> Self {
        Self {
            packets: self.packets.min(other.packets),
            octets: self.octets.min(other.octets),
        }
    }
}

impl From<&Side> for Counted {
    fn from(side: &Side) -> Self {
        Self {
            packets: side.packets,
            octets: side.octets,
        }
    }
}

impl From<&Exported> for Counted {
    fn from(exported: &Exported) -> Self {
        Self {
            packets: exported.packets,
            octets: exported.octets,
        }
    }
}

/// The counts of one flow of a conversation at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Index and name of the interface.
    pub(crate) index: u32,
    pub(crate) name: Arc<str>,
    /// Monotonic times of the first and the last packet, ns.
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    /// From the lower endpoint to the higher, then back: the same order for all flows of a conversation.
    pub(crate) sides: [Counted; DIRECTIONS],
}

impl Sight {
    /// Reads a flow of the interface with this name.
    pub(crate) fn of(flow: &FlowSnapshot, name: Arc<str>) -> Self {
        let [first, second] = &flow.sides;
        Self {
            index: flow.tail().ifindex,
            name,
            first_seen: flow.first_seen,
            last_seen: flow.last_seen(),
            sides: [first.into(), second.into()],
        }
    }

    pub(super) fn sees_both_ways(&self) -> bool {
        self.sides.iter().all(|side| side.packets != 0)
    }
}
