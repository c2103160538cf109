//! The pairs of addresses with most traffic.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{counts::Counts, sketch::Sketch};

/// Source and destination of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
}

/// Half-life of traffic in the ranking.
const HALF_LIFE: Duration = Duration::from_mins(1);

/// A limited number of pairs has a series. A pair without a series replaces the smallest one if it recently had twice
/// its traffic; the factor prevents two similar pairs from alternating. A series counts from the moment when its pair
/// got it, so neither it nor the sum of all others ever decreases.
pub(crate) struct Pairs {
    limit: usize,
    all: HashMap<Pair, Slot>,
    other: Counts,
    expired: Counts,
    sketch: Sketch,
    halved: Instant,
}

struct Slot {
    counts: Counts,
    /// Octets, halved repeatedly with age.
    score: u64,
    at: Instant,
}

impl Pairs {
    pub(crate) fn new(limit: usize, now: Instant) -> Self {
        Self {
            limit,
            all: HashMap::new(),
            other: Counts::default(),
            expired: Counts::default(),
            sketch: Sketch::default(),
            halved: now,
        }
    }

    pub(crate) fn add(&mut self, pair: Pair, counts: &Counts, now: Instant) {
        if self.limit == 0 || !counts.has_packets() {
            return;
        }
        let octets = counts.octets();
        let estimate = self.sketch.add(pair, octets);
        if let Some(slot) = self.all.get_mut(&pair) {
            slot.counts.add(counts);
            slot.score = slot.score.saturating_add(octets);
            slot.at = slot.at.max(now);
            return;
        }
        if self.all.len() >= self.limit && !self.make_room(estimate) {
            return self.other.add(counts);
        }
        let slot = Slot {
            counts: *counts,
            score: estimate,
            at: now,
        };
        self.all.insert(pair, slot);
    }

    /// Takes the series of the least pair if this is twice what that one has.
    fn make_room(&mut self, score: u64) -> bool {
        let least = self
            .all
            .iter()
            .min_by_key(|(pair, slot)| (slot.score, **pair));
        let Some((&pair, slot)) = least else {
            return false;
        };
        if score / 2 <= slot.score {
            return false;
        }
        self.expired.add(&slot.counts);
        self.all.remove(&pair);
        true
    }

    /// Lowers the weight of older traffic, and removes pairs that were idle for `ttl`.
    pub(crate) fn expire(&mut self, ttl: Duration, now: Instant) {
        let passed = now.saturating_duration_since(self.halved);
        let halves = passed.as_secs() / HALF_LIFE.as_secs();
        if let Ok(halves) = u32::try_from(halves)
            && halves > 0
        {
            self.halved += HALF_LIFE * halves;
            self.sketch.halve(halves);
            for slot in self.all.values_mut() {
                slot.score = slot.score.checked_shr(halves).unwrap_or(0);
            }
        }
        let expired = &mut self.expired;
        self.all.retain(|_, slot| {
            let stays = now.saturating_duration_since(slot.at) < ttl;
            if !stays {
                expired.add(&slot.counts);
            }
            stays
        });
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn expired(&self) -> Counts {
        self.expired
    }

    /// Calls `each` with each pair that has a series; `None` stands for all others.
    pub(crate) fn tell(&self, mut each: impl FnMut(Option<Pair>, &Counts)) {
        each(None, &self.other);
        for (pair, slot) in &self.all {
            each(Some(*pair), &slot.counts);
        }
    }
}
