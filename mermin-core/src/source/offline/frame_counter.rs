//! Counts single frames that a test passes in.

use std::time::Duration;

use super::{flows::Flows, shared::Counts};
use crate::{
    filter::Filter,
    pcap::{Interface, Packet, link::ParseOptions},
    report::{HookDirection, HookStats, Ignored},
    source::offline::shared::ifindex,
    table::{Timeouts, snapshot::FlowSnapshot},
};

/// Link type of Ethernet.
const ETHERNET: u32 = 1;

/// Flows of frames that are counted one at a time. No flow ends.
#[derive(Debug)]
pub(crate) struct FrameCounter {
    flows: Flows,
    counts: Counts,
    interface: Interface,
}

impl FrameCounter {
    pub(crate) fn new(max_flows: u32) -> Self {
        Self {
            flows: Flows::new(
                Timeouts::default(),
                Filter::default(),
                max_flows,
                0,
                ParseOptions::default(),
            ),
            counts: Counts::default(),
            interface: Interface::unnamed(ETHERNET),
        }
    }

    /// Counts an Ethernet frame, `after` the one before.
    pub(crate) fn frame(&mut self, octets: &[u8], at: Duration) {
        let packet = Packet::synthetic(octets.len(), at);
        let moment = self.flows.moment(&packet);
        self.flows
            .packet(&mut self.counts, &self.interface, &packet, moment, octets);
    }

    /// All open flows.
    pub(crate) fn open(&self) -> impl Iterator<Item = &FlowSnapshot> {
        self.flows.open()
    }

    /// Packets in no record, by reason.
    pub(crate) fn ignored(&self) -> Vec<Ignored> {
        let hook = self.counts.hooks.iter().flatten().next();
        hook.map_or_else(Vec::new, |hook| {
            let (totals, ignored) = (&hook.account.totals, &hook.account.ignored);
            HookStats::of(
                ifindex(0),
                hook.name.clone(),
                HookDirection::Ingress,
                totals,
                ignored,
            )
            .ignored
        })
    }
}
