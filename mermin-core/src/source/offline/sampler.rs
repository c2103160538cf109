//! Sampling of flows of a capture: the kernel program's decisions, and those of a live source, by the capture's time.

use mermin_bpf::abi::{
    digest::Seed,
    key::KeyWords,
    ledger::Reason,
    sampling::{Rate, point, point_seed},
};

use crate::{
    source::sampling::Sampling,
    table::sampling::{Observation, SamplingControl},
};

/// Time from one decision about the rate to the next (ns), as a live source sweeps.
const PERIOD: u64 = 100_000_000;

/// Decides about new flows.
#[derive(Debug)]
pub(super) struct Sampler {
    seed: Seed,
    rate: Rate,
    control: SamplingControl,
    capacity: u32,
    /// Capture time of the next decision.
    next: Option<u64>,
    begun: u64,
    ended: u64,
}

impl Sampler {
    /// Begins with all flows. `random` is the seed if the options have none.
    pub(super) fn new(sampling: &Sampling, capacity: u32, random: u64) -> Self {
        let limits = sampling.limits();
        Self {
            seed: point_seed(sampling.get_seed().unwrap_or(random)),
            rate: limits.first(capacity),
            control: SamplingControl::new(limits),
            capacity,
            next: None,
            begun: 0,
            ended: 0,
        }
    }

    /// One of 2 to the power of this number is kept.
    pub(super) fn shift(&self) -> u8 {
        self.rate.shift()
    }

    /// True if a flow of this key that begins now is kept.
    pub(super) fn keeps(&self, key: &KeyWords) -> bool {
        self.rate.keeps(point(key, &self.seed))
    }

    /// Decides about a new flow while `free` slots have none. Returns its shift. `before` is that of a flow with the same key that has just
    /// ended: what was kept before is kept further.
    pub(super) fn admit(
        &mut self,
        key: &KeyWords,
        before: Option<u8>,
        free: u32,
    ) -> Result<u8, Reason> {
        if before.is_none() && !self.keeps(key) {
            return Err(Reason::NotSampled);
        }
        let shift = before.map_or(self.shift(), |before| before.min(self.shift()));
        self.rate = self.rate.halved(free).unwrap_or(self.rate);
        Ok(shift)
    }

    /// A flow has ended.
    pub(super) fn ended(&mut self) {
        self.ended += 1;
    }

    /// A flow has begun that does not continue another one.
    pub(super) fn began(&mut self) {
        self.begun += 1;
    }

    /// Decides about the rate, if it is time. `now` is the capture's time in ns.
    pub(super) fn pass(&mut self, now: u64, open: u64) {
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        self.next = Some(now.saturating_add(PERIOD));
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        let seen = Observation {
            now,
            capacity: self.capacity,
            free: self.capacity.saturating_sub(open),
            begun: std::mem::take(&mut self.begun),
            ended: std::mem::take(&mut self.ended),
        };
        self.rate = self.control.next(self.rate, &seen);
    }
}
