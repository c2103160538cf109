//! A conversation as one interface saw it so far.

use std::sync::Arc;

use mermin_bpf::abi::slot::DIRECTIONS;

use crate::table::{
    export_state::Exported,
    snapshot::{FlowSnapshot, Side},
};

/// Packets and octets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// On the wire.
    pub(crate) packets: u64,
    /// IP octets of those.
    pub(crate) octets: u64,
}

impl Counted {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            octets: self.octets.wrapping_add(other.octets),
        }
    }

    /// Nothing where the other one is more.
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

/// A flow's part in a conversation, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The interface: its index and name.
    pub(crate) index: u32,
    pub(crate) name: Arc<str>,
    /// Monotonic times of the first packet and the last, ns.
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    /// Lower endpoint to higher, then back: of all flows of a conversation the same.
    pub(crate) sides: [Counted; DIRECTIONS],
}

impl Sight {
    /// Of a flow of the interface with this name.
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
