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

/// In this time traffic counts half as much for who is among the first.
const HALF_LIFE: Duration = Duration::from_mins(1);

/// So many pairs have a series. A pair that has none and had twice the traffic of the least of them lately takes its place;
/// twice, so that two that are alike do not take turns. A series counts from when its pair got it, so it never goes down, and
/// neither does that of all others.
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
    /// Octets, with those of earlier halved again and again.
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

    /// Lets older traffic count less, and removes pairs that had none for so long.
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

    /// Each pair with a series; none is all others.
    pub(crate) fn tell(&self, mut each: impl FnMut(Option<Pair>, &Counts)) {
        each(None, &self.other);
        for (pair, slot) in &self.all {
            each(Some(*pair), &slot.counts);
        }
    }
}
