//! All sums.

use std::time::{Duration, Instant};

use mermin_core::Flow;

use crate::settings::Settings;

use super::{
    counts::Counts,
    exemplar::Exemplar,
    label::{Label, Value},
    pairs::{Pair, Pairs},
    series::Series,
};

/// Interval of searching for series that are too old.
const LOOK: Duration = Duration::from_secs(1);

/// Sums of flows by label values and by pairs. Time is a parameter.
///
/// ```
/// use std::time::Instant;
/// use mermin_prometheus::{Format, Settings, State};
///
/// let now = Instant::now();
/// let mut state = State::new(&Settings::default(), now);
/// state.add(&[], now);
/// assert!(state.page(now, Format::Text).contains("# TYPE mermin_flow_bytes_total counter\n"));
/// ```
pub struct State {
    series: Series,
    pairs: Pairs,
    ttl: Duration,
    exemplars: bool,
    labels: Vec<Label>,
    limit: usize,
    looked: Instant,
}

impl State {
    /// Creates the state without flows.
    #[must_use]
    pub fn new(settings: &Settings, now: Instant) -> Self {
        Self {
            series: Series::new(settings.labels.clone(), settings.series, now),
            pairs: Pairs::new(settings.pairs, now),
            ttl: settings.ttl,
            exemplars: settings.exemplars,
            labels: settings.labels.clone(),
            limit: settings.series,
            looked: now,
        }
    }

    /// Adds records.
    pub fn add(&mut self, flows: &[Flow], now: Instant) {
        if now.saturating_duration_since(self.looked) >= LOOK {
            self.expire(now);
        }
        for flow in flows {
            let counts = Counts::of(flow);
            self.series.add(flow, &counts, self.exemplars, now);
            let pair = Pair {
                source: flow.source.address,
                destination: flow.destination.address,
            };
            self.pairs.add(pair, &counts, now);
        }
    }

    /// Removes series that were idle for their time to live.
    pub fn expire(&mut self, now: Instant) {
        self.looked = self.looked.max(now);
        self.series.expire(self.ttl, now);
        self.pairs.expire(self.ttl, now);
    }

    /// Copies the sums. It must be quick, because it holds a lock that adding needs.
    pub(crate) fn snapshot(&mut self, now: Instant, into: &mut Snapshot) {
        self.expire(now);
        self.series.tell(|values, one| {
            into.series.push(Named {
                name: values,
                counts: one.counts,
                exemplar: one.exemplar.clone(),
            });
        });
        if self.pairs.limit() > 0 {
            self.pairs.tell(|pair, counts| {
                into.pairs.push(Named {
                    name: pair,
                    counts: *counts,
                    exemplar: None,
                });
            });
        }
        into.series_expired = self.series.expired();
        into.pairs_expired = self.pairs.expired();
        into.series_limit = self.limit;
        into.labels.clone_from(&self.labels);
    }

    /// Returns the room that a snapshot needs: the present number of series and `other`, and the limit of pairs and the row of
    /// all other pairs.
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.series.len() + 1, self.pairs.limit() + 1)
    }
}

/// Counts at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) labels: Vec<Label>,
    pub(crate) series: Vec<Named<Box<[Value]>>>,
    pub(crate) series_limit: usize,
    pub(crate) series_expired: Counts,
    /// `None` is the key of all other pairs. Empty if pairs are off.
    pub(crate) pairs: Vec<Named<Option<Pair>>>,
    pub(crate) pairs_expired: Counts,
}

impl Snapshot {
    /// Returns true if the kernel dropped a packet of some flow.
    pub(crate) fn has_drops(&self) -> bool {
        self.series_expired.has_drops() || self.series.iter().any(|named| named.counts.has_drops())
    }
}

/// Sums with a name.
pub(crate) struct Named<N> {
    pub(crate) name: N,
    pub(crate) counts: Counts,
    pub(crate) exemplar: Option<Exemplar>,
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    fn settings() -> Settings {
        Settings::default()
            .labels([Label::SourceAddress, Label::Transport])
            .series(50)
            .pairs(5)
    }

    /// Returns the sums over all series, including removed ones: of series, and of pairs.
    fn sums(state: &mut State, now: Instant) -> (Counts, Counts) {
        let mut snapshot = Snapshot::default();
        state.snapshot(now, &mut snapshot);
        assert!(snapshot.series.len() <= 51, "{}", snapshot.series.len());
        assert!(snapshot.pairs.len() <= 6, "{}", snapshot.pairs.len());
        let (mut series, mut pairs) = (snapshot.series_expired, snapshot.pairs_expired);
        for named in &snapshot.series {
            series.add(&named.counts);
        }
        for named in &snapshot.pairs {
            pairs.add(&named.counts);
        }
        (series, pairs)
    }

    #[test]
    fn sums_over_all_series_equal_the_flows() {
        let begin = Instant::now();
        let mut state = State::new(&settings(), begin);
        let all = flows(37 * 108);
        let mut expected = Counts::default();
        let mut now = begin;
        for (round, batch) in all.chunks(37).enumerate() {
            // Some batches repeat, so some series stay and others are removed. The clock goes back now and then.
            let seconds = [0, 1, 20, 400][round % 4];
            now += Duration::from_secs(seconds);
            let told = now.checked_sub(Duration::from_secs(seconds / 2)).unwrap();
            state.add(batch, told);
            state.add(&batch[..round % 20], now);
            for flow in batch.iter().chain(&batch[..round % 20]) {
                expected.add(&Counts::of(flow));
            }
            let (series, pairs) = sums(&mut state, now);
            assert_eq!(series, expected);
            // A record without packets belongs to no pair.
            assert_eq!(
                (pairs.forward, pairs.reverse),
                (expected.forward, expected.reverse)
            );
        }
        assert!(state.series.expired().records > 0);
        assert!(state.pairs.expired().records > 0);
    }

    #[test]
    fn counter_series_never_decrease() {
        let begin = Instant::now();
        let mut state = State::new(&settings().ttl(Duration::MAX), begin);
        let mut before = std::collections::HashMap::new();
        for (round, batch) in flows(3000).chunks(100).enumerate() {
            let now = begin + Duration::from_secs(30) * u32::try_from(round).unwrap();
            state.add(batch, now);
            let mut snapshot = Snapshot::default();
            state.snapshot(now, &mut snapshot);
            for named in snapshot.series {
                let octets = named.counts.octets();
                assert!(
                    before
                        .insert(named.name, octets)
                        .is_none_or(|it| it <= octets)
                );
            }
        }
    }

    #[test]
    fn stepped_clock_expires_no_series_early() {
        let now = Instant::now() + Duration::from_hours(2);
        let mut state = State::new(&settings(), now);
        state.add(&flows(10), now);
        // Back by an hour.
        let earlier = now.checked_sub(Duration::from_hours(1)).unwrap();
        state.add(&flows(10), earlier);
        state.expire(earlier);
        assert_eq!(state.series.len(), 10);
        // Ahead by a day.
        state.expire(now + Duration::from_hours(24));
        assert_eq!(state.series.len(), 0);
        state.add(&flows(10), now);
        assert_eq!(sums(&mut state, now).0.records, 30);
    }

    #[test]
    fn largest_pairs_are_found_among_many() {
        let now = Instant::now();
        let mut state = State::new(&settings().pairs(3), now);
        // Three large pairs begin when all places are taken, among ten thousand small ones.
        let mut mice = flows(10_000);
        for mouse in &mut mice {
            mouse.forward.octets.delta = 100;
            mouse.reverse.octets.delta = 0;
        }
        let mut elephants = flows(10_003).split_off(10_000);
        for elephant in &mut elephants {
            elephant.forward.packets.delta = 1;
            elephant.forward.octets.delta = 1_000_000;
        }
        for batch in mice.chunks(1000) {
            state.add(batch, now);
            state.add(&elephants, now);
        }
        let mut snapshot = Snapshot::default();
        state.snapshot(now, &mut snapshot);
        let named: Vec<Pair> = snapshot
            .pairs
            .iter()
            .filter_map(|named| named.name)
            .collect();
        assert_eq!(named.len(), 3);
        for elephant in &elephants {
            assert!(
                named
                    .iter()
                    .any(|pair| pair.source == elephant.source.address)
            );
        }
    }
}
