//! Sums that are shown at the end: the largest flows, or groups of flows.

mod groups;
mod largest;
mod print;

pub(crate) use self::{groups::Groups, largest::Largest};

use mermin_core::Flow;

/// Octets of IP of both directions since the previous record.
fn octets(flow: &Flow) -> u64 {
    flow.forward.octets.delta + flow.reverse.octets.delta
}

/// Packets of both directions since the previous record.
fn packets(flow: &Flow) -> u64 {
    flow.forward.packets.delta + flow.reverse.packets.delta
}
