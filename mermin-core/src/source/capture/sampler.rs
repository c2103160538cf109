//! Sampling of a live source: gives the kernel program the rate, and shows it in statistics.

use std::sync::{Arc, atomic::Ordering};

use mermin_bpf::abi::sampling::Rate;

use super::shared::SharedCounters;
use crate::{
    bpf::slab::Slab,
    source::sampling::{self, Sampling},
    table::sampling::{Observation, SamplingControl, interval},
};

/// Sets the rate at which flows are kept.
pub(super) struct Sampler {
    control: SamplingControl,
    shared: Arc<SharedCounters>,
    /// Open flows after the latest sweep, without those that it ended.
    open: u64,
    /// The shift that the report shows.
    reported: u8,
}

impl Sampler {
    /// Begins with the rate of an earlier process, if there was one.
    pub(super) fn start(sampling: &Sampling, slab: &Slab, shared: Arc<SharedCounters>) -> Self {
        let limits = sampling.limits();
        let first = limits.first(slab.len());
        let mut left = slab.rate();
        // The programs of an earlier process may still change it.
        while !slab.change_rate(left, Rate::new(left.shift(), first.most(), first.below())) {
            left = slab.rate();
        }
        let mut sampler = Self {
            control: SamplingControl::new(limits),
            shared,
            open: 0,
            reported: 0,
        };
        sampler.tell(left.shift());
        sampler
    }

    /// Flows of an earlier process are open already: a table that they fill is no sign that more come than the rate allows.
    pub(super) fn resume(&mut self, open: u64) {
        self.open = open;
    }

    /// Decides about the rate after a sweep at `now` (monotonic ns) that found `open` flows and ends `closing` of them, `resampled` of which
    /// continue. `free` slots have no flow.
    pub(super) fn swept(
        &mut self,
        now: u64,
        slab: &Slab,
        open: u64,
        closing: u64,
        resampled: u64,
        free: u32,
    ) {
        let begun = open.saturating_sub(self.open).saturating_sub(resampled);
        self.open = open.saturating_sub(closing);
        let seen = Observation {
            now,
            capacity: slab.len(),
            free,
            begun,
            ended: closing.saturating_sub(resampled),
        };
        let rate = slab.rate();
        let next = self.control.next(rate, &seen);
        // If the kernel program lowers the rate meanwhile, that change counts until the next sweep.
        if next != rate {
            slab.change_rate(rate, next);
        }
        self.tell(slab.rate().shift());
    }

    fn tell(&mut self, shift: u8) {
        let counts = &self.shared.counts;
        counts
            .sampling_interval
            .store(interval(shift).get().into(), Ordering::Relaxed);
        if shift != self.reported {
            self.reported = shift;
            let degradation = sampling::degradation(shift);
            self.shared.registry.sampled(degradation.as_slice());
        }
    }
}
