//! Sums of records, and estimates of them where flows are sampled.

use mermin_core::{
    Flow,
    flow::{Dropped, EndReason, Uniflow},
};
use mermin_program::stands_for;

/// Counts of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) frame_octets: u64,
    /// Packets that the kernel dropped. They are among `packets` if a hook had counted them before.
    pub(crate) dropped: u64,
}

/// Sums of records. They saturate instead of wrapping, because forged captures may have any count.
///
/// A sampled flow stands for as many flows as its interval says, so each of its counts is taken as many times: the sum is an unbiased
/// estimate (Horvitz and Thompson). Without sampling, sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) forward: Way,
    pub(crate) reverse: Way,
    /// Records themselves: they are not scaled.
    pub(crate) records: u64,
    pub(crate) ended: u64,
}

impl Counts {
    pub(crate) fn of(flow: &Flow) -> Self {
        let drops = flow.drops.as_deref();
        let interval = stands_for(flow);
        let way = |way, dropped| Way::of(way, dropped).times(interval);
        // A sampled flow whose interval changes has this reason, and goes on under another id.
        let goes_on = flow.end_reason.goes_on()
            || flow.sampling_interval.is_some() && flow.end_reason == EndReason::LackOfResources;
        Self {
            forward: way(&flow.forward, drops.map(|drops| &*drops.forward)),
            reverse: way(&flow.reverse, drops.map(|drops| &*drops.reverse)),
            records: 1,
            ended: if goes_on { 0 } else { interval },
        }
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.forward.add(&more.forward);
        self.reverse.add(&more.reverse);
        add(&mut self.records, more.records);
        add(&mut self.ended, more.ended);
    }

    /// Returns the IP octets of both directions.
    pub(crate) fn octets(&self) -> u64 {
        self.forward.octets.saturating_add(self.reverse.octets)
    }

    /// Returns true if the kernel dropped a packet.
    pub(crate) fn has_drops(&self) -> bool {
        self.forward.dropped != 0 || self.reverse.dropped != 0
    }

    /// Returns true if a packet was counted.
    pub(crate) fn has_packets(&self) -> bool {
        self.forward.packets != 0 || self.reverse.packets != 0
    }
}

impl Way {
    fn of(way: &Uniflow, dropped: Option<&[Dropped]>) -> Self {
        let dropped = dropped.unwrap_or_default().iter();
        Self {
            packets: way.packets.delta,
            octets: way.octets.delta,
            frame_octets: way.frame_octets.delta,
            dropped: dropped.fold(0, |sum, one| sum.saturating_add(one.packets)),
        }
    }

    fn times(self, interval: u64) -> Self {
        Self {
            packets: self.packets.saturating_mul(interval),
            octets: self.octets.saturating_mul(interval),
            frame_octets: self.frame_octets.saturating_mul(interval),
            dropped: self.dropped.saturating_mul(interval),
        }
    }

    fn add(&mut self, more: &Self) {
        add(&mut self.packets, more.packets);
        add(&mut self.octets, more.octets);
        add(&mut self.frame_octets, more.frame_octets);
        add(&mut self.dropped, more.dropped);
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
