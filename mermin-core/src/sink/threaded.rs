//! A sink on a thread of its own.

use std::{
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
use crate::flow::Flow;

/// Moves a sink to a thread of this name: for one that writes files or does anything else that may block, which must not
/// happen on an executor. `export` returns when the thread has done it. Each record is copied once.
///
/// Dropping the sink does not wait for the thread; it ends after what it is doing.
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
/// That the thread cannot be started.
pub fn threaded<S: FlowSink + 'static>(name: &str, sink: S) -> io::Result<Threaded> {
    let meter = sink.meter();
    let (jobs, received) = unbounded();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || block_on(work(sink, received)))?;
    Ok(Threaded {
        jobs,
        meter,
        spare: Vec::new(),
        under_way: None,
    })
}

/// See [`threaded`].
pub struct Threaded {
    jobs: UnboundedSender<Job>,
    meter: Option<Meter>,
    /// Where the next batch is copied to.
    spare: Vec<Flow>,
    /// The answer to a call that was dropped.
    under_way: Option<oneshot::Receiver<Answer>>,
}

struct Job {
    /// None: the sink is to be closed.
    flows: Option<Vec<Flow>>,
    answer: oneshot::Sender<Answer>,
}

struct Answer {
    result: Result<(), BoxError>,
    spare: Vec<Flow>,
}

impl Threaded {
    async fn call(&mut self, flows: Option<&[Flow]>) -> Result<(), BoxError> {
        if let Some(before) = &mut self.under_way {
            // Its batch is given again; what became of it then is of no interest.
            let _ = before.await;
        }
        let flows = flows.map(|flows| {
            let mut copy = std::mem::take(&mut self.spare);
            copy.clear();
            copy.extend_from_slice(flows);
            copy
        });
        let (answer, answered) = oneshot::channel();
        // Where the thread is gone, so is the answer.
        let _ = self.jobs.unbounded_send(Job { flows, answer });
        let answered = self.under_way.insert(answered).await;
        self.under_way = None;
        let Answer { result, spare } = answered.map_err(|_| "the sink's thread panicked")?;
        self.spare = spare;
        result
    }
}

impl FlowSink for Threaded {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.call(Some(flows)).await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.call(None).await
    }

    fn meter(&self) -> Option<Meter> {
        self.meter.clone()
    }
}

impl fmt::Debug for Threaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").finish_non_exhaustive()
    }
}

/// Does what is asked for until nobody can ask any more.
async fn work(mut sink: impl FlowSink, mut jobs: UnboundedReceiver<Job>) {
    while let Some(Job { flows, answer }) = next(&mut sink, &mut jobs).await {
        let (result, spare) = match flows {
            Some(flows) => (sink.export(&flows).await, flows),
            None => (sink.close().await, Vec::new()),
        };
        // Whoever asked may have gone.
        let _ = answer.send(Answer { result, spare });
    }
}

async fn next(sink: &mut impl FlowSink, jobs: &mut UnboundedReceiver<Job>) -> Option<Job> {
    let mut idle = pin!(sink.idle());
    let mut idles = true;
    std::future::poll_fn(|context| {
        let job = Pin::new(&mut *jobs).poll_next(context);
        if job.is_pending() && idles {
            idles = idle.as_mut().poll(context).is_pending();
        }
        job
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

    #[test]
    fn a_sink_that_blocks_does_not_block_the_caller() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = from_fn({
            let (gate, got) = (Arc::clone(&gate), Arc::clone(&got));
            move |flows: &[Flow]| {
                let guard = gate.0.lock().unwrap();
                drop(gate.1.wait_while(guard, |open| !*open).unwrap());
                got.lock()
                    .unwrap()
                    .push((flows.len(), thread::current().name().map(str::to_owned)));
                std::future::ready(Ok::<_, BoxError>(()))
            }
        });
        let mut sink = threaded("apart", sink).unwrap();
        let flows = [plain(), plain()];
        {
            let mut export = pin!(sink.export(&flows));
            let poll = export
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
        }
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        block_on(sink.export(&flows)).unwrap();
        block_on(sink.close()).unwrap();
        let apart = (2, Some("apart".to_owned()));
        assert_eq!(*got.lock().unwrap(), [apart.clone(), apart]);
    }

    #[test]
    fn a_panic_in_the_thread_is_an_error() {
        let sink = from_fn(|flows: &[Flow]| {
            assert!(flows.is_empty(), "no");
            std::future::ready(Ok::<_, BoxError>(()))
        });
        let mut sink = threaded("panics", sink).unwrap();
        for _ in 0..2 {
            let error = block_on(sink.export(&[plain()])).unwrap_err();
            assert_eq!(error.to_string(), "the sink's thread panicked");
        }
    }
}
