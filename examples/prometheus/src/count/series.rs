//! Sums by label values: a limited number, each kept while something is added to it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use mermin_core::Flow;

use super::{
    counts::Counts,
    exemplar::Exemplar,
    label::{Label, Value},
};

pub(crate) struct Series {
    labels: Vec<Label>,
    limit: usize,
    all: HashMap<Box<[Value]>, One>,
    other: One,
    expired: Counts,
    /// The key of the current record, in reused memory.
    scratch: Vec<Value>,
}

#[derive(Clone)]
pub(crate) struct One {
    pub(crate) counts: Counts,
    pub(crate) exemplar: Option<Exemplar>,
    /// The exemplar was scraped, so the next record may replace it.
    told: bool,
    /// Time of the last addition.
    at: Instant,
}

impl One {
    fn new(now: Instant) -> Self {
        Self {
            counts: Counts::default(),
            exemplar: None,
            told: true,
            at: now,
        }
    }

    fn add(&mut self, counts: &Counts, exemplar: Option<&Flow>, now: Instant) {
        self.counts.add(counts);
        self.at = self.at.max(now);
        if let Some(flow) = exemplar.filter(|_| self.told) {
            self.exemplar = Some(Exemplar::of(flow));
            self.told = false;
        }
    }
}

impl Series {
    pub(crate) fn new(labels: Vec<Label>, limit: usize, now: Instant) -> Self {
        Self {
            labels,
            limit,
            all: HashMap::new(),
            other: One::new(now),
            expired: Counts::default(),
            scratch: Vec::new(),
        }
    }

    /// Adds to the series of the flow, or to `other` if there is no room for a new series.
    pub(crate) fn add(&mut self, flow: &Flow, counts: &Counts, exemplars: bool, now: Instant) {
        let exemplar = exemplars.then_some(flow);
        self.scratch.clear();
        self.scratch
            .extend(self.labels.iter().map(|label| label.value(flow)));
        if let Some(one) = self.all.get_mut(&*self.scratch) {
            return one.add(counts, exemplar, now);
        }
        // Without labels there is one series.
        let is_other = self.scratch.iter().all(|value| *value == Value::Other);
        if is_other || self.all.len() >= self.limit {
            return self.other.add(counts, exemplar, now);
        }
        let mut one = One::new(now);
        one.add(counts, exemplar, now);
        self.all.insert(self.scratch.as_slice().into(), one);
    }

    /// Removes series that were idle for `ttl`. Their counts go to a separate sum and not to `other`, where they
    /// would look like present traffic.
    pub(crate) fn expire(&mut self, ttl: Duration, now: Instant) {
        let expired = &mut self.expired;
        self.all.retain(|_, one| {
            let stays = now.saturating_duration_since(one.at) < ttl;
            if !stays {
                expired.add(&one.counts);
            }
            stays
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn expired(&self) -> Counts {
        self.expired
    }

    /// Calls `each` with each series and its label values, `other` first, and notes that their exemplars were
    /// scraped.
    pub(crate) fn tell(&mut self, mut each: impl FnMut(Box<[Value]>, &One)) {
        each(vec![Value::Other; self.labels.len()].into(), &self.other);
        self.other.told = true;
        for (key, one) in &mut self.all {
            each(key.clone(), one);
            one.told = true;
        }
    }
}
