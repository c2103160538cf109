//! Repeats a batch until the receiver accepts or refuses it, or time is up.

use std::{
    fmt,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use super::{Backoff, BoxError, FlowSink, Meter, Refusal, Repeat, ThreadTimer, Timer};
use crate::flow::Flow;

/// Adds retries to a sink. `export` returns when the sink has accepted the batch, when it has [refused](Refusal) the
/// batch permanently, or when the rest of the back-off's time limit is shorter than the next delay.
///
/// The adapter keeps no records: its `Ok` is the `Ok` of the sink. Around a sink that keeps no records either, `Ok` means that
/// the receiver has the batch, so a killed process loses no record of a pinned source. While a receiver is down, records
/// wait in the source's queue. When the queue is full, flows stay in the kernel's table and are still counted.
///
/// ```no_run
/// use std::time::Duration;
/// use mermin_core::{FlowSource, sink::{Backoff, FlowSink, retry}};
///
/// # async fn export(sink: impl FlowSink) -> Result<(), mermin_core::Error> {
/// let backoff = Backoff::default().max(Duration::from_secs(5)).attempt(Duration::from_secs(10));
/// let sink = retry(sink, backoff);
/// let meter = sink.meter();
/// let mut source = FlowSource::builder().open().await?;
/// source.run(sink).await?;
/// println!("{:?}", meter.map(|meter| meter.stats()));
/// # Ok(())
/// # }
/// ```
pub fn retry<S: FlowSink>(sink: S, backoff: Backoff) -> Retry<S> {
    let meter = Meter::around(sink.meter(), None);
    Retry {
        sink,
        backoff,
        meter,
        timer: Arc::new(ThreadTimer::default()),
        random: RandomState::new(),
        draws: 0,
    }
}

/// See [`retry`].
pub struct Retry<S> {
    sink: S,
    backoff: Backoff,
    meter: Meter,
    timer: Arc<dyn Timer>,
    random: RandomState,
    draws: u64,
}

impl<S: FlowSink> Retry<S> {
    /// The timer. Default: [`ThreadTimer`].
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Arc::new(timer);
        self.meter.follow(&self.timer);
        self
    }

    /// The sink inside.
    pub fn into_inner(self) -> S {
        self.sink
    }

    fn draw(&mut self) -> u32 {
        self.draws += 1;
        u32::try_from(self.random.hash_one(self.draws) >> 32).unwrap_or(0)
    }

    async fn attempt(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let Some(limit) = self.backoff.attempt_limit() else {
            return self.sink.export(flows).await;
        };
        let mut over = self.timer.sleep(limit);
        let mut export = pin!(self.sink.export(flows));
        poll_fn(|context| {
            if let Poll::Ready(result) = export.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            over.as_mut()
                .poll(context)
                .map(|()| Err(TimedOut { time: limit }.into()))
        })
        .await
    }
}

impl<S: FlowSink> FlowSink for Retry<S> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let began = self.timer.now();
        let _in_progress = self.meter.begins(flows.len(), began);
        let mut attempts = 0;
        loop {
            let Err(error) = self.attempt(flows).await else {
                self.meter.accepted(flows.len());
                self.meter.delivered(flows.len());
                return Ok(());
            };
            self.meter.failed(&error);
            let patience = match Refusal::of(&*error) {
                Some(Repeat::Never) => return Err(error),
                Some(Repeat::After(patience)) => patience,
                _ => Duration::ZERO,
            };
            let random = self.draw();
            let spent = self.timer.now().saturating_duration_since(began);
            let Some(wait) = self.backoff.wait(attempts, patience, random, spent) else {
                let attempts = attempts + 1;
                return Err(GaveUp { attempts, error }.into());
            };
            self.timer.sleep(wait).await;
            attempts += 1;
            self.meter.retried(flows.len());
        }
    }

    fn idle(&mut self) -> impl Future<Output = ()> + Send {
        self.sink.idle()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.sink.close()
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }

    fn waiting(&self) -> u64 {
        self.sink.waiting()
    }
}

impl<S> fmt::Debug for Retry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("backoff", &self.backoff)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}

/// An attempt exceeded its time limit.
#[derive(Debug, thiserror::Error)]
#[error("the attempt took longer than {time:?}")]
struct TimedOut {
    time: Duration,
}

/// No further attempt fits into the time limit. The source is the error of the last attempt.
#[derive(Debug, thiserror::Error)]
#[error("gave up after {attempts} attempts")]
struct GaveUp {
    attempts: u32,
    #[source]
    error: BoxError,
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        future::pending,
        sync::atomic::{AtomicU32, Ordering},
        task::{Context, Waker},
    };

    use futures::executor::block_on;

    use super::*;
    use crate::{
        flow::example::plain,
        sink::{DropReason, Overflow, buffered, from_fn, testing::ManualTimer},
    };

    /// Fails this often with the error that `error` makes, then accepts everything.
    fn failing(times: u32, error: impl Fn() -> BoxError + Send) -> (impl FlowSink, Arc<AtomicU32>) {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let sink = from_fn(move |_: &[Flow]| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(if number < times { Err(error()) } else { Ok(()) })
        });
        (sink, calls)
    }

    #[test]
    fn batch_is_retried_until_accepted() {
        let timer = ManualTimer::passing();
        let (sink, calls) = failing(5, || "down".into());
        let began = timer.now();
        let backoff = Backoff::default().first(Duration::from_millis(100));
        let mut sink = retry(sink, backoff).timer(timer.clone());
        block_on(sink.export(&[plain(), plain()])).unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        let waited = timer.now() - began;
        // 100 + 200 + 400 + 800 + 1600 ms, or between half of that and all of it.
        assert!((1550..=3100).contains(&waited.as_millis()), "{waited:?}");
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.accepted, stats.delivered, stats.retried), (2, 2, 10));
        assert_eq!(stats.last_error.as_deref(), Some("down"));
        assert_eq!(stats.dropped_in_all(), 0);
    }

    #[test]
    fn permanently_refused_batch_is_not_retried() {
        let (sink, calls) = failing(9, || Refusal::permanent("unreadable").into());
        let mut sink = retry(sink, Backoff::default()).timer(ManualTimer::passing());
        let error = block_on(sink.export(&[plain()])).unwrap_err();
        assert_eq!(Refusal::of(&*error), Some(Repeat::Never));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn retry_stops_at_its_time_limit() {
        let timer = ManualTimer::passing();
        let (sink, calls) = failing(99, || {
            Refusal::repeat_after(Duration::from_secs(4), "busy").into()
        });
        let backoff = Backoff::default().elapsed(Duration::from_secs(10));
        let mut sink = retry(sink, backoff).timer(timer);
        let error = block_on(sink.export(&[plain()])).unwrap_err();
        assert_eq!(error.to_string(), "gave up after 3 attempts");
        assert_eq!(error.source().unwrap().to_string(), "busy");
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        // The caller keeps the batch, so the adapter drops nothing.
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.accepted, stats.dropped_in_all()), (0, 0));
        assert_eq!(stats.dropped_by(DropReason::GaveUp), 0);
    }

    #[test]
    fn silent_attempt_is_cancelled_at_its_timeout() {
        let timer = ManualTimer::passing();
        let mut calls = 0;
        let sink = from_fn(move |_: &[Flow]| {
            calls += 1;
            let silent = calls == 1;
            async move {
                if silent {
                    pending::<()>().await;
                }
                Ok::<_, BoxError>(())
            }
        });
        let backoff = Backoff::default().attempt(Duration::from_secs(7));
        let mut sink = retry(sink, backoff).timer(timer);
        block_on(sink.export(&[plain()])).unwrap();
        assert_eq!(
            sink.meter().unwrap().stats().last_error.as_deref(),
            Some("the attempt took longer than 7s")
        );
    }

    #[test]
    fn meter_tells_an_outage_from_one_that_is_over() {
        let mut answers = VecDeque::from([Some(false), Some(true), None]);
        let sink = from_fn(move |_: &[Flow]| {
            let answer = answers.pop_front().flatten();
            async move {
                match answer {
                    Some(true) => Ok(()),
                    Some(false) => Err(BoxError::from("down")),
                    None => pending().await,
                }
            }
        });
        let timer = ManualTimer::default();
        let mut sink = retry(sink, Backoff::default()).timer(timer.clone());
        let meter = sink.meter().unwrap();
        let shown = || {
            let stats = meter.stats();
            assert_eq!(stats.oldest.is_some(), stats.waiting != 0);
            (stats.waiting, stats.in_progress, stats.failing)
        };
        let flows = [plain(), plain()];
        let mut export = Box::pin(sink.export(&flows));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(export.as_mut().poll(context).is_pending());
        assert_eq!(shown(), (2, 2, true));
        timer.advance(Duration::from_secs(1));
        assert_eq!(meter.stats().oldest, Some(Duration::from_secs(1)));
        assert!(export.as_mut().poll(context).is_ready());
        drop(export);
        assert_eq!(shown(), (0, 0, false));
        let mut export = Box::pin(sink.export(&flows));
        assert!(export.as_mut().poll(context).is_pending());
        assert_eq!(shown(), (2, 2, false));
        drop(export);
        assert_eq!(shown(), (0, 0, false));
        assert_eq!(meter.stats().last_error.as_deref(), Some("down"));
    }

    #[test]
    fn receiver_that_refuses_every_record_is_failing() {
        struct Refusing(Meter, VecDeque<usize>);
        impl FlowSink for Refusing {
            async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
                let delivered = self.1.pop_front().unwrap();
                let refused = flows.len() - delivered;
                if refused != 0 {
                    self.0.failed(&"unreadable".into());
                }
                self.0.dropped(DropReason::Refused, refused);
                self.0.accepted(flows.len());
                self.0.delivered(delivered);
                Ok(())
            }

            fn meter(&self) -> Option<Meter> {
                Some(self.0.clone())
            }
        }
        let inside = Refusing(Meter::default(), [0, 2].into());
        let mut sink = retry(inside, Backoff::default());
        let meter = sink.meter().unwrap();
        for failing in [true, false] {
            block_on(sink.export(&[plain(), plain()])).unwrap();
            assert_eq!(meter.stats().failing, failing);
        }
    }

    #[test]
    fn records_that_wait_in_the_sink_inside_are_counted_as_it_counts_them() {
        // Both sinks still hold the record, so it is counted twice. The adapter's own meter counts none as waiting,
        // because a tuple has no meter.
        let inside = || {
            buffered(
                from_fn(|_: &[Flow]| pending::<Result<(), BoxError>>()),
                8,
                Overflow::Block,
            )
        };
        let mut sink = retry((inside(), inside()), Backoff::default());
        block_on(sink.export(&[plain()])).unwrap();
        assert_eq!(sink.waiting(), 2);
    }
}
