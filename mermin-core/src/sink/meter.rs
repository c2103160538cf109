//! Counts of exported records, readable from any thread.
//!
//! [`retry`](super::retry()) and [`buffered`](super::buffered) have a meter around the meter of the sink inside;
//! [`threaded`](super::threaded()) has a view of the inside meter; the view ends when the sink is dropped. `accepted` comes from
//! the outermost meter, `delivered` from the innermost, and `dropped` is the sum over all meters. So the outermost meter
//! shows everything. While no call is running, `accepted` equals `delivered` plus `dropped` plus `waiting`.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{BoxError, Timer};

/// Why a record was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The buffer was full, and its policy drops the newest records.
    Newest,
    /// The buffer was full, and its policy drops the oldest records.
    Oldest,
    /// The receiver refused the record permanently.
    Refused,
    /// The sink failed, and did not call the failure permanent. No further attempt is made: the time limit of
    /// [`retry`](super::retry()) has passed, or there is no `retry`.
    GaveUp,
    /// The sink was dropped, or its time limit for closing passed.
    Closed,
    /// The record does not fit into the sink's format.
    Unsendable,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Newest,
        Self::Oldest,
        Self::Refused,
        Self::GaveUp,
        Self::Closed,
        Self::Unsendable,
    ];

    /// The reason as the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Refused => "refused",
            Self::GaveUp => "gave_up",
            Self::Closed => "closed",
            Self::Unsendable => "unsendable",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of exported records. `accepted` equals `delivered`, `dropped` and `waiting` together while no call is
/// running. While a call is running, some of `waiting` are `in_progress`.
///
/// ```
/// use futures::executor::block_on;
/// use mermin_core::{FlowSource, sink::{Backoff, FlowSink, JsonLines, retry}};
///
/// let (mut source, _) = FlowSource::replay([]).open()?;
/// let mut sink = retry(JsonLines::new(Vec::new()), Backoff::default());
/// let meter = sink.meter().expect("an adapter has a meter");
/// block_on(async { source.run(&mut sink).await })?;
/// assert_eq!(meter.stats().to_string(), "0 accepted, 0 delivered, 0 retried, 0 waiting");
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// Records for which `export` returned `Ok`.
    pub accepted: u64,
    /// Records that the receiver has, as far as the sink knows.
    pub delivered: u64,
    /// Records that were sent again, counted each time.
    pub retried: u64,
    /// Records that were dropped, by reason; see [`dropped_by`](Self::dropped_by).
    pub dropped: [u64; DropReason::ALL.len()],
    /// Records in the buffer, including those being sent, and those of a call of `export` that is running.
    pub waiting: u64,
    /// Those of `waiting` that only the caller has: they are not accepted yet.
    pub in_progress: u64,
    /// Age of the oldest of `waiting`: since it came into the buffer, or since the running call began.
    pub oldest: Option<Duration>,
    /// The last error, in words. It stays when later records are delivered.
    pub last_error: Option<String>,
    /// No record was delivered since the last error.
    pub failing: bool,
}

impl SinkStats {
    /// Records dropped for this reason.
    #[must_use]
    pub fn dropped_by(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or(0)
    }

    /// Records dropped for any reason.
    #[must_use]
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }
}

/// `7 accepted, 5 delivered, 0 retried, 1 waiting; 1 dropped: newest`.
impl fmt::Display for SinkStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted, {} delivered, {} retried, {} waiting",
            self.accepted, self.delivered, self.retried, self.waiting
        )?;
        for reason in DropReason::ALL {
            let dropped = self.dropped_by(reason);
            if dropped != 0 {
                write!(f, "; {dropped} dropped: {reason}")?;
            }
        }
        Ok(())
    }
}

/// Number of waiting records, and the time since which the oldest waits.
pub(super) trait Queue: Send + Sync {
    fn waiting(&self) -> (u64, Option<Instant>);
}

/// Counts the outcomes of records. Use the [`meter`](super::FlowSink::meter) of the outermost adapter: it also shows the
/// outcomes that meters inside it count. Clones refer to the same counts.
///
/// A sink of your own needs a meter to count the records that it drops. An adapter around it shows `delivered` of the
/// innermost meter, and the sum of `dropped` over all meters.
///
/// ```
/// use mermin_core::sink::{DropReason, Meter};
///
/// let meter = Meter::default();
/// let seen = meter.clone(); // for another thread
/// meter.dropped(DropReason::Unsendable, 2);
/// assert_eq!(seen.stats().dropped_by(DropReason::Unsendable), 2);
/// ```
#[derive(Clone, Default)]
pub struct Meter {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    delivered: AtomicU64,
    retried: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    call: Mutex<Call>,
    clock: Mutex<Option<Arc<dyn Timer>>>,
    error: Mutex<Option<String>>,
    failing: AtomicBool,
    inner: Option<Meter>,
    /// True for a view: it shows all counts of the meter inside, `accepted` included.
    is_view: bool,
    queue: Option<Arc<dyn Queue>>,
    /// The last counts of a view that has ended.
    last: OnceLock<SinkStats>,
}

/// A running call: the number of records that only the caller has, and when the call began.
#[derive(Clone, Copy, Default)]
struct Call {
    records: u64,
    since: Option<Instant>,
}

impl Meter {
    /// A meter around the meter of an adapter's sink.
    pub(super) fn around(inner: Option<Meter>, queue: Option<Arc<dyn Queue>>) -> Self {
        Self {
            counts: Arc::new(Counts {
                inner,
                queue,
                ..Counts::default()
            }),
        }
    }

    /// A meter with the counts of another one, until [`end`](Self::end).
    pub(super) fn view(of: Meter) -> Self {
        Self {
            counts: Arc::new(Counts {
                inner: Some(of),
                is_view: true,
                ..Counts::default()
            }),
        }
    }

    /// Keeps the counts of a view as they are now: no later outcome is known to the caller. Records that wait inside are dropped.
    pub(super) fn end(&self) {
        self.counts.last.get_or_init(|| {
            let mut last = self.now();
            if let Some(closed) = last.dropped.get_mut(DropReason::Closed as usize) {
                *closed += last.waiting - last.in_progress;
            }
            SinkStats {
                waiting: 0,
                in_progress: 0,
                oldest: None,
                ..last
            }
        });
    }

    /// Uses the clock of a timer for the age of records.
    pub(super) fn follow(&self, timer: &Arc<dyn Timer>) {
        let former = lock(&self.counts.clock).replace(Arc::clone(timer));
        drop(former);
    }

    /// Number of records that the meter inside has counted: delivered, dropped or waiting there.
    pub(super) fn inside(&self) -> u64 {
        self.counts.inner.as_ref().map_or(0, |inner| {
            let stats = inner.stats();
            let waiting = stats.waiting - stats.in_progress;
            stats.delivered + stats.dropped_in_all() + waiting
        })
    }

    /// Counts records that the sink accepted.
    pub fn accepted(&self, records: usize) {
        add(&self.counts.accepted, records);
    }

    /// Counts records that the receiver has.
    pub fn delivered(&self, records: usize) {
        add(&self.counts.delivered, records);
        // A batch of which the receiver has nothing says nothing of the receiver.
        if records != 0 {
            self.counts.failing.store(false, Ordering::Relaxed);
        }
    }

    /// Counts records that are sent again.
    pub fn retried(&self, records: usize) {
        add(&self.counts.retried, records);
    }

    /// Counts records that are dropped.
    pub fn dropped(&self, reason: DropReason, records: usize) {
        if let Some(count) = self.counts.dropped.get(reason as usize) {
            add(count, records);
        }
    }

    /// Notes a running call: it began at `since`, and the caller has `records` in it. The call is over when the guard is
    /// dropped.
    pub(super) fn begins(&self, records: usize, since: Instant) -> InProgress {
        lock(&self.counts.call).since = Some(since);
        let call = InProgress(self.clone());
        call.left(records);
        call
    }

    /// Stores the text of an error.
    pub fn failed(&self, error: &BoxError) {
        let mut words = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            words.push_str(": ");
            words.push_str(&cause.to_string());
            next = cause.source();
        }
        *lock(&self.counts.error) = Some(words);
        self.counts.failing.store(true, Ordering::Relaxed);
    }

    /// All counts at this moment.
    #[must_use]
    pub fn stats(&self) -> SinkStats {
        match self.counts.last.get() {
            Some(last) => last.clone(),
            None => self.now(),
        }
    }

    fn now(&self) -> SinkStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &*self.counts;
        let inner = counts.inner.as_ref().map(Meter::stats);
        let (waiting, since) = counts
            .queue
            .as_ref()
            .map_or((0, None), |queue| queue.waiting());
        let call = *lock(&counts.call);
        let called = call.since.filter(|_| call.records != 0);
        let since = [since, called].into_iter().flatten().min();
        let mut stats = SinkStats {
            accepted: read(&counts.accepted),
            delivered: read(&counts.delivered),
            retried: read(&counts.retried),
            dropped: std::array::from_fn(|reason| counts.dropped.get(reason).map_or(0, read)),
            waiting,
            in_progress: call.records,
            oldest: since.map(|since| self.age(since)),
            last_error: lock(&counts.error).clone(),
            failing: counts.failing.load(Ordering::Relaxed),
        };
        if let Some(inner) = inner {
            // The inner meter counts the outcomes of records that its sink accepted.
            stats.delivered = inner.delivered;
            if counts.is_view {
                stats.accepted += inner.accepted;
            }
            stats.retried += inner.retried;
            for (sum, count) in stats.dropped.iter_mut().zip(inner.dropped) {
                *sum += count;
            }
            stats.waiting += inner.waiting - inner.in_progress;
            // A buffer still holds the records that it exports to the inner sink, so its queue has counted them already.
            if counts.queue.is_none() {
                stats.in_progress = stats.in_progress.max(inner.in_progress);
            }
            stats.failing |= inner.failing;
            stats.oldest = stats.oldest.max(inner.oldest);
            stats.last_error = stats.last_error.or(inner.last_error);
        }
        stats.waiting += stats.in_progress;
        stats
    }

    fn age(&self, since: Instant) -> Duration {
        let clock = lock(&self.counts.clock).clone();
        let now = clock.map_or_else(Instant::now, |clock| clock.now());
        now.saturating_duration_since(since)
    }
}

/// Each change is complete before anything can panic, so a poisoned lock protects valid data.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A guard for a running call. When the guard is dropped, the call has no records in progress.
pub(super) struct InProgress(Meter);

impl InProgress {
    /// Sets the number of records of the call that only the caller has.
    pub(super) fn left(&self, records: usize) {
        lock(&self.0.counts.call).records = records as u64;
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.left(0);
    }
}

fn add(count: &AtomicU64, records: usize) {
    count.fetch_add(records as u64, Ordering::Relaxed);
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.stats()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_place() {
        let meter = Meter::default();
        for (number, reason) in (1..).zip(DropReason::ALL) {
            meter.dropped(reason, number);
        }
        let stats = meter.stats();
        for (number, reason) in (1..).zip(DropReason::ALL) {
            assert_eq!(stats.dropped_by(reason), number, "{reason}");
        }
        assert_eq!(stats.dropped_in_all(), 21);
    }

    #[test]
    fn nested_meter_shows_the_outcome_of_records() {
        let inner = Meter::default();
        let outer = Meter::around(Some(inner.clone()), None);
        outer.accepted(10);
        outer.delivered(10);
        inner.delivered(9);
        inner.dropped(DropReason::Unsendable, 1);
        outer.retried(2);
        let error = std::io::Error::other("no");
        outer.failed(&error.into());
        assert_eq!(
            outer.stats().to_string(),
            "10 accepted, 9 delivered, 2 retried, 0 waiting; 1 dropped: unsendable"
        );
        assert_eq!(outer.stats().last_error.as_deref(), Some("no"));
    }
}
