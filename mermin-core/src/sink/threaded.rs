//! A sink on a thread of its own.

use std::{
    collections::HashSet,
    fmt, io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use futures_channel::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    oneshot,
};
use futures_core::Stream;

use super::{BoxError, FlowSink, Meter};
use crate::flow::{Flow, FlowId};

/// Moves a sink to a thread of this name. Use it for a sink that writes files or blocks otherwise, because an executor
/// must not block. `export` returns when the thread has exported the batch. Each record is copied once.
///
/// The thread completes a dropped call. Records that the call delivered are not exported again.
///
/// The [meter](FlowSink::meter) shows the counts of the sink's meter. If the sink has none, the adapter has a meter of its
/// own. That meter counts a dropped call as delivered if `close` is the next call, even if [`retry`](super::retry()) gave
/// up the batch.
///
/// Dropping the sink does not wait for the thread, which ends after its current call. The meter no longer counts then:
/// for the caller, the records of that call are not delivered.
///
/// ```no_run
/// use std::fs::File;
/// use mermin_core::sink::{JsonLines, threaded};
///
/// let sink = threaded("flows-json", JsonLines::new(File::create("flows.json")?))?;
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// If the thread cannot be started.
pub fn threaded<S: FlowSink + 'static>(name: &str, sink: S) -> io::Result<Threaded> {
    let inside = sink.meter();
    let own = inside.is_none().then(Meter::default);
    let meter = inside.or_else(|| own.clone()).map(Meter::view);
    let (calls, received) = unbounded();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || block_on(work(sink, received)))?;
    Ok(Threaded {
        calls,
        meter,
        own,
        spare: Vec::new(),
        under_way: None,
        delivered: HashSet::new(),
    })
}

/// See [`threaded`].
pub struct Threaded {
    calls: UnboundedSender<Call>,
    meter: Option<Meter>,
    /// The meter, if the sink has none.
    own: Option<Meter>,
    /// Memory for the next batch.
    spare: Vec<Flow>,
    /// The reply to a dropped call.
    under_way: Option<oneshot::Receiver<Answer>>,
    /// Keys of records that dropped calls delivered. They are kept while the batch of these calls is exported again.
    delivered: HashSet<(FlowId, u64)>,
}

struct Call {
    /// `None` closes the sink.
    flows: Option<Vec<Flow>>,
    answer: oneshot::Sender<Answer>,
}

struct Answer {
    result: Result<(), BoxError>,
    spare: Vec<Flow>,
}

impl Threaded {
    async fn call(&mut self, flows: Option<&[Flow]>) -> Result<(), BoxError> {
        self.settle().await;
        let flows = flows.map(|flows| self.copy_of_rest(flows));
        if let Some([]) = flows.as_deref() {
            self.spare = flows.unwrap_or_default();
            self.delivered.clear();
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        // If the thread has ended, so has the reply's channel.
        let _ = self.calls.unbounded_send(Call { flows, answer });
        let answered = self.under_way.insert(answered).await;
        self.under_way = None;
        let Answer { result, spare } = answered.map_err(|_| "the sink's thread panicked")?;
        self.spare = spare;
        if result.is_ok() {
            self.delivered.clear();
        }
        result
    }

    /// Counts delivered records, if the sink does not.
    fn count(&self, records: usize) {
        if let Some(own) = &self.own {
            own.accepted(records);
            own.delivered(records);
        }
    }

    /// Waits for the reply to a dropped call, and notes the records that it delivered.
    async fn settle(&mut self) {
        let Some(before) = &mut self.under_way else {
            return;
        };
        let answer = before.await;
        self.under_way = None;
        if let Ok(Answer { result, spare }) = answer {
            if result.is_ok() {
                self.delivered.extend(spare.iter().map(key));
            }
            self.spare = spare;
        }
    }

    /// The records of the batch that the sink does not have. If the sink has none of them, the caller gave up the
    /// former batch and this is a new one.
    fn copy_of_rest(&mut self, flows: &[Flow]) -> Vec<Flow> {
        let mut copy = std::mem::take(&mut self.spare);
        copy.clear();
        let is_left = |flow: &&Flow| !self.delivered.contains(&key(flow));
        if self.delivered.is_empty() {
            copy.extend_from_slice(flows);
        } else {
            copy.extend(flows.iter().filter(is_left).cloned());
        }
        if copy.len() == flows.len() {
            self.delivered.clear();
        }
        copy
    }
}

/// Identifies a record.
const fn key(flow: &Flow) -> (FlowId, u64) {
    (flow.id, flow.sequence)
}

impl FlowSink for Threaded {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        if flows.is_empty() {
            return Ok(());
        }
        let result = self.call(Some(flows)).await;
        match (&result, &self.own) {
            (Ok(()), _) => self.count(flows.len()),
            (Err(error), Some(own)) => own.failed(error),
            (Err(_), None) => {}
        }
        result
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.settle().await;
        // Nobody exports the records of dropped calls again, so they are counted here.
        self.count(self.delivered.len());
        self.delivered.clear();
        self.call(None).await
    }

    fn meter(&self) -> Option<Meter> {
        self.meter.clone()
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.end();
        }
    }
}

impl fmt::Debug for Threaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").finish_non_exhaustive()
    }
}

/// Runs calls until the sink is dropped.
async fn work(mut sink: impl FlowSink, mut calls: UnboundedReceiver<Call>) {
    while let Some(Call { flows, answer }) = next(&mut sink, &mut calls).await {
        let (result, spare) = match flows {
            Some(flows) => (sink.export(&flows).await, flows),
            None => (sink.close().await, Vec::new()),
        };
        // The caller may have dropped the call.
        let _ = answer.send(Answer { result, spare });
    }
}

async fn next(sink: &mut impl FlowSink, calls: &mut UnboundedReceiver<Call>) -> Option<Call> {
    let mut idle = pin!(sink.idle());
    let mut idles = true;
    std::future::poll_fn(|context| {
        let call = Pin::new(&mut *calls).poll_next(context);
        if call.is_pending() && idles {
            idles = idle.as_mut().poll(context).is_pending();
        }
        call
    })
    .await
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;
    use crate::{flow::example::plain, sink::from_fn};

    #[derive(Default)]
    struct State {
        open: bool,
        /// How many of the next calls fail.
        failures: usize,
        /// Batches that the sink received.
        got: Vec<Vec<u64>>,
    }

    type Gate = Arc<(Mutex<State>, Condvar)>;

    fn open(gate: &Gate) {
        gate.0.lock().unwrap().open = true;
        gate.1.notify_all();
    }

    /// A sink that blocks until the test continues it.
    fn behind(gate: &Gate) -> Threaded {
        let gate = Arc::clone(gate);
        let sink = from_fn(move |flows: &[Flow]| {
            let guard = gate.0.lock().unwrap();
            let mut state = gate.1.wait_while(guard, |state| !state.open).unwrap();
            assert_eq!(thread::current().name(), Some("apart"));
            state
                .got
                .push(flows.iter().map(|flow| flow.sequence).collect());
            let failure = state.failures.checked_sub(1);
            state.failures = failure.unwrap_or_default();
            std::future::ready(failure.map_or(Ok(()), |_| Err(BoxError::from("no"))))
        });
        threaded("apart", sink).unwrap()
    }

    fn numbered(count: usize) -> Vec<Flow> {
        let mut flows = vec![plain(); count];
        for (flow, number) in flows.iter_mut().zip(0..) {
            flow.sequence = number;
        }
        flows
    }

    /// A call that is dropped after its first poll.
    fn dropped(sink: &mut Threaded, flows: &[Flow]) {
        let mut export = pin!(sink.export(flows));
        let mut context = Context::from_waker(Waker::noop());
        assert!(export.as_mut().poll(&mut context).is_pending());
    }

    #[test]
    fn blocking_sink_does_not_block_the_caller() {
        let gate = Gate::default();
        let (mut sink, flows) = (behind(&gate), numbered(6));
        dropped(&mut sink, &flows[..2]);
        // This call waits for the thread, and is dropped as well.
        dropped(&mut sink, &flows[..3]);
        open(&gate);
        block_on(sink.export(&flows[..4])).unwrap();
        // The thread must not be done before the call is dropped.
        gate.0.lock().unwrap().open = false;
        dropped(&mut sink, &flows[4..]);
        let meter = sink.meter().unwrap();
        assert_eq!(meter.stats().delivered, 4);
        open(&gate);
        block_on(sink.close()).unwrap();
        // A call that was dropped is counted when the sink is closed.
        assert_eq!((meter.stats().accepted, meter.stats().delivered), (6, 6));
        // The sink has each record once.
        assert_eq!(gate.0.lock().unwrap().got, [[0, 1], [2, 3], [4, 5]]);
    }

    #[test]
    fn delivered_batch_is_skipped_when_repeated() {
        let gate = Gate::default();
        let (mut sink, flows) = (behind(&gate), numbered(4));
        dropped(&mut sink, &flows[..2]);
        open(&gate);
        for batch in [&flows[..2], &flows[..2], &flows[2..]] {
            block_on(sink.export(batch)).unwrap();
        }
        assert_eq!(gate.0.lock().unwrap().got, [[0, 1], [0, 1], [2, 3]]);
    }

    #[test]
    fn cancelled_export_redelivers_its_batch() {
        let gate = Gate::default();
        gate.0.lock().unwrap().failures = 1;
        let (mut sink, flows) = (behind(&gate), numbered(2));
        dropped(&mut sink, &flows);
        open(&gate);
        block_on(sink.export(&flows)).unwrap();
        assert_eq!(gate.0.lock().unwrap().got, [[0, 1], [0, 1]]);
    }

    #[test]
    fn panic_in_the_thread_is_an_error() {
        let sink = from_fn(|flows: &[Flow]| {
            assert!(flows.is_empty(), "no");
            std::future::ready(Ok::<_, BoxError>(()))
        });
        let mut sink = threaded("panics", sink).unwrap();
        for _ in 0..2 {
            let error = block_on(sink.export(&[plain()])).unwrap_err();
            assert_eq!(error.to_string(), "the sink's thread panicked");
        }
        let stats = sink.meter().unwrap().stats();
        assert!(stats.failing);
        assert_eq!(
            stats.last_error.as_deref(),
            Some("the sink's thread panicked")
        );
    }
}
