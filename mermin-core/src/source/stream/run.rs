//! Exports the stream to a sink, batch by batch.

use std::{
    fmt,
    future::{IntoFuture, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{FlowSource, deadline::Deadline};
use crate::{
    error::{Error, ErrorKind},
    sink::{Batching, BoxError, FlowSink, Sleep, ThreadTimer, Timer},
};

/// An export of a source's records to a sink, see [`FlowSource::run`]. Await it to begin.
///
/// ```
/// use std::time::Duration;
///
/// use futures::executor::block_on;
/// use mermin_core::{FlowSource, sink::JsonLines};
///
/// let (mut source, _) = FlowSource::replay([]).open()?;
/// let export = source.run(JsonLines::new(Vec::new())).close_within(Duration::from_secs(5));
/// block_on(export.into_future())?;
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[must_use = "nothing is exported before it is awaited"]
pub struct Run<'a, S> {
    source: &'a mut FlowSource,
    sink: S,
    batching: Batching,
    close_within: Duration,
    timer: Arc<dyn Timer>,
}

impl<'a, S: FlowSink> Run<'a, S> {
    pub(super) fn new(source: &'a mut FlowSource, sink: S) -> Self {
        Self {
            source,
            sink,
            batching: Batching::default(),
            close_within: Duration::from_secs(30),
            timer: Arc::new(ThreadTimer::default()),
        }
    }

    /// Sets how records are batched. Default: all records that wait, at most 4,096.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::executor::block_on;
    /// use mermin_core::{FlowSource, sink::{Batching, JsonLines}};
    ///
    /// let (mut source, _) = FlowSource::replay([]).open()?;
    /// let sink = JsonLines::new(Vec::new());
    /// block_on(async { source.run(sink).batch(Batching::default().records(500).age(Duration::from_secs(1))).await })?;
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn batch(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// Sets the time limit of closing, from [`close`](FlowSource::close) until every record is delivered and the sink is closed. After it,
    /// `run` returns an error with the number of undelivered records. If the source ends by itself, each batch has this time, and
    /// so has closing the sink: the last records of a file may take long. Default: 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::executor::block_on;
    /// use mermin_core::{FlowSource, sink::JsonLines};
    ///
    /// let (mut source, _) = FlowSource::replay([]).open()?;
    /// let sink = JsonLines::new(Vec::new());
    /// block_on(async { source.run(sink).close_within(Duration::from_secs(5)).await })?;
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn close_within(mut self, time: Duration) -> Self {
        self.close_within = time;
        self
    }

    /// Sets the timer. Default: [`ThreadTimer`], which starts a thread when there is something to wait for.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use mermin_core::{FlowSource, sink::{JsonLines, ThreadTimer}};
    ///
    /// let (mut source, _) = FlowSource::replay([]).open()?;
    /// let sink = JsonLines::new(Vec::new());
    /// block_on(async { source.run(sink).timer(ThreadTimer::default()).await })?;
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    async fn go(self) -> Result<(), Error> {
        let Self {
            source,
            mut sink,
            batching,
            close_within,
            timer,
        } = self;
        let (control, queue) = (Arc::clone(&source.control), Arc::clone(&source.queue));
        let mut deadline = Deadline::new(control, queue, Arc::clone(&timer), close_within);
        loop {
            source.leave_to_parent();
            let mut gather = Gather {
                source: &mut *source,
                batching: &batching,
                timer: &*timer,
                waited: None,
            };
            let Some(count) = deadline.limit(gather.next(&mut sink)).await else {
                return Err(late(source, &sink, close_within));
            };
            if count == 0 {
                break;
            }
            let flows = source.batch.make_contiguous();
            let batch = flows.get(..count).unwrap_or_default();
            match deadline.limit(sink.export(batch)).await {
                Some(Ok(())) => {
                    source.delivered(count);
                    deadline.progressed();
                }
                Some(Err(error)) => return Err(refused(count, error)),
                None => return Err(late(source, &sink, close_within)),
            }
        }
        let closed = deadline.limit(sink.close()).await;
        if let Some(error) = source.end() {
            // The error that ended the source is more important than an error of closing the sink.
            return Err(error);
        }
        match closed {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                Err(Error::new(ErrorKind::Sink, "cannot close the sink").with_source(error))
            }
            None => Err(late(source, &sink, close_within)),
        }
    }
}

impl FlowSource {
    /// Acknowledges the first records of the batch.
    fn delivered(&mut self, count: usize) {
        self.receipts
            .arrived(self.batch.iter().take(count).map(|flow| flow.id));
        self.batch.drain(..count);
    }
}

fn refused(count: usize, error: BoxError) -> Error {
    let message = format!("cannot export {count} flows");
    Error::new(ErrorKind::Sink, message)
        .with_remedy("look after the receiver, or put `sink::retry` around the sink; the next `run` gives these flows again")
        .with_source(error)
}

fn late(source: &mut FlowSource, sink: &impl FlowSink, time: Duration) -> Error {
    let left = source.batch.len() as u64 + source.queue.len() as u64 + sink.waiting();
    let message = format!("cannot deliver all within {time:?}: {left} records are left");
    let error = Error::new(ErrorKind::Sink, message)
        .with_remedy("give `close_within` more time, or look after the receiver");
    let mut failure = source.failed.take();
    // A forked child has a copy of the queue, which may be locked for ever.
    if failure.is_none() && !source.control.is_inherited() {
        failure = source.queue.failure();
    }
    match failure {
        Some(failure) => error.with_source(failure),
        None => error,
    }
}

/// Waits for the next batch.
struct Gather<'a> {
    source: &'a mut FlowSource,
    batching: &'a Batching,
    timer: &'a dyn Timer,
    /// The wait of an incomplete batch for further records, once it has begun.
    waited: Option<Sleep>,
}

impl Gather<'_> {
    /// Returns the number of records of the next batch; 0 when no more will come. The sink does its own work
    /// meanwhile.
    async fn next(&mut self, sink: &mut impl FlowSink) -> usize {
        let mut idle = pin!(sink.idle());
        let mut idles = true;
        poll_fn(|context| {
            if let Poll::Ready(count) = self.poll(context) {
                return Poll::Ready(count);
            }
            if idles {
                idles = idle.as_mut().poll(context).is_pending();
            }
            Poll::Pending
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        self.source.leave_to_parent();
        loop {
            let cut = self.batching.cut(self.source.batch.iter());
            if cut.complete && cut.records != 0 {
                return Poll::Ready(cut.records);
            }
            match self.source.poll_more(context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(cut.records),
                Poll::Pending if cut.records != 0 && self.is_old(context) => {
                    return Poll::Ready(cut.records);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_old(&mut self, context: &mut Context<'_>) -> bool {
        let patience = self.batching.greatest_age();
        if patience.is_zero() || self.source.control.is_closing() {
            return true;
        }
        let timer = self.timer;
        let waited = self.waited.get_or_insert_with(|| timer.sleep(patience));
        waited.as_mut().poll(context).is_ready()
    }
}

impl<'a, S: FlowSink + 'a> IntoFuture for Run<'a, S> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.go())
    }
}

impl<S> fmt::Debug for Run<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("batching", &self.batching)
            .field("close_within", &self.close_within)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, PoisonError},
        task::Waker,
        time::Instant,
    };

    use futures::{StreamExt, executor::block_on};

    use super::*;
    use crate::{
        flow::{Flow, FlowId, example::plain},
        source::Replayed,
    };

    fn flows(count: u32) -> impl Iterator<Item = Flow> {
        (0..count).map(|number| {
            let mut flow = plain();
            flow.id = FlowId::from_u128(number.into());
            flow
        })
    }

    fn source(count: u32) -> (FlowSource, Replayed) {
        FlowSource::replay(flows(count)).open().unwrap()
    }

    /// Ids of each batch, and the number of records acknowledged before it.
    #[derive(Default)]
    struct Seen {
        batches: Vec<(Vec<u128>, usize)>,
        closed: usize,
    }

    struct Sink {
        seen: Arc<Mutex<Seen>>,
        replayed: Replayed,
        /// Refuses the batch with this number.
        refuses: Option<usize>,
        /// Never answers from this batch on.
        stalls: Option<usize>,
    }

    impl Sink {
        fn new(replayed: &Replayed) -> Self {
            Self {
                seen: Arc::default(),
                replayed: replayed.clone(),
                refuses: None,
                stalls: None,
            }
        }

        fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl FlowSink for Sink {
        async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
            assert!(!flows.is_empty());
            let number = self.seen().batches.len();
            let ids = flows.iter().map(|flow| flow.id.to_u128()).collect();
            self.seen()
                .batches
                .push((ids, self.replayed.arrived().len()));
            if self.stalls.is_some_and(|from| number >= from) {
                std::future::pending::<()>().await;
            }
            match self.refuses {
                Some(refused) if refused == number => Err("not this one".into()),
                _ => Ok(()),
            }
        }

        async fn close(&mut self) -> Result<(), BoxError> {
            self.seen().closed += 1;
            Ok(())
        }
    }

    fn by(records: usize) -> Batching {
        Batching::default().records(records)
    }

    #[test]
    fn batch_ok_acknowledges_its_records() {
        let (mut source, replayed) = source(7);
        let mut sink = Sink::new(&replayed);
        block_on(source.run(&mut sink).batch(by(3)).into_future()).unwrap();
        let seen = sink.seen();
        assert_eq!(
            seen.batches,
            [(vec![0, 1, 2], 0), (vec![3, 4, 5], 3), (vec![6], 6)]
        );
        assert_eq!((seen.closed, replayed.arrived().len()), (1, 7));
    }

    #[test]
    fn refused_batch_is_redelivered() {
        let (mut source, replayed) = source(5);
        let mut sink = Sink::new(&replayed);
        sink.refuses = Some(1);
        let error = block_on(source.run(&mut sink).batch(by(2)).into_future()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert_eq!(error.to_string(), "cannot export 2 flows");
        assert_eq!((sink.seen().closed, replayed.arrived().len()), (0, 2));
        block_on(source.run(&mut sink).batch(by(2)).into_future()).unwrap();
        let batches: Vec<_> = sink.seen().batches.iter().map(|it| it.0.clone()).collect();
        assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![2, 3], vec![4]]);
        assert_eq!(replayed.arrived().len(), 5);
    }

    #[test]
    fn cancelled_run_loses_nothing() {
        let (mut source, replayed) = source(4);
        let mut sink = Sink::new(&replayed);
        sink.stalls = Some(1);
        let mut run = source.run(&mut sink).batch(by(2)).into_future();
        let context = &mut Context::from_waker(Waker::noop());
        assert!(run.as_mut().poll(context).is_pending());
        drop(run);
        assert_eq!(sink.seen().batches.len(), 2);
        let rest: Vec<_> = block_on(source.by_ref().collect());
        let ids: Vec<_> = rest
            .into_iter()
            .map(|flow| flow.unwrap().id.to_u128())
            .collect();
        assert_eq!(ids, [2, 3]);
        assert_eq!(replayed.arrived().len(), 4);
    }

    #[test]
    fn close_ends_within_its_time_limit() {
        // One that would go on.
        let (mut source, replayed) = source(u32::MAX);
        let mut sink = Sink::new(&replayed);
        sink.stalls = Some(1);
        let handle = source.handle();
        let closer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            handle.close();
        });
        let began = Instant::now();
        let run = source.run(&mut sink).batch(by(2));
        let run = run.close_within(Duration::from_millis(50));
        let error = block_on(run.into_future()).unwrap_err();
        assert!(began.elapsed() >= Duration::from_millis(100));
        let words = error.to_string();
        assert!(
            words.starts_with("cannot deliver all within 50ms: "),
            "{words}"
        );
        closer.join().unwrap();
        assert_eq!(replayed.arrived().len(), 2);
    }

    #[test]
    fn source_that_ended_by_itself_does_not_wait_for_a_sink_for_ever() {
        for (records, stalls, left) in [(5, 1, 1), (4, 0, 4)] {
            let failure = Error::new(ErrorKind::System, "cannot read the flow table");
            let replay = FlowSource::replay(flows(records)).fail_with(failure);
            let (mut source, replayed) = replay.open().unwrap();
            let mut sink = Sink::new(&replayed);
            sink.stalls = Some(stalls);
            let run = source.run(&mut sink).batch(by(4));
            let run = run.close_within(Duration::from_millis(50));
            let error = block_on(run.into_future()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("cannot deliver all within 50ms: {left} records are left")
            );
            let why = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(why, "cannot read the flow table");
            assert_eq!(replayed.arrived().len(), 4 * stalls);
        }
    }

    #[test]
    fn one_member_of_a_fan_out_fails_and_the_other_has_every_record() {
        let (mut source, replayed) = source(4);
        let mut good = Sink::new(&replayed);
        let mut bad = Sink::new(&replayed);
        bad.refuses = Some(0);
        let error =
            block_on(source.run((&mut good, &mut bad)).batch(by(2)).into_future()).unwrap_err();
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "1 of 2 sinks failed: number 2: not this one"
        );
        let sinks = vec![&mut good, &mut bad];
        block_on(source.run(sinks).batch(by(2)).into_future()).unwrap();
        for sink in [&good, &bad] {
            let batches: Vec<_> = sink.seen().batches.iter().map(|it| it.0.clone()).collect();
            assert_eq!(batches, [[0, 1], [0, 1], [2, 3]]);
            assert_eq!(sink.seen().closed, 1);
        }
    }
}
