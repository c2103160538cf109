//! The stream of flows.

mod acknowledge;
mod deadline;
mod run;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use self::acknowledge::Receipts;
pub use self::{acknowledge::Acknowledger, run::Run};
use super::{
    builder::FlowSourceBuilder, control::Control, engine::Opened, handle::Handle, queue::Queue,
};
use crate::{
    error::{Error, ErrorKind},
    flow::Flow,
    report::Report,
    sink::FlowSink,
};

/// Flows of this host, as a stream for any runtime.
///
/// Each item is one record, see [`Flow`]. The future of `next` can be dropped at any time, as `select!` does, without
/// loss of a record. An `Err` is the last item. [`FlowSource::run`] exports records to a [sink](crate::sink) instead.
///
/// There are three ways to stop. None of them blocks the caller:
///
/// | | open flows | when nothing is attached any more |
/// |---|---|---|
/// | [`close`](Self::close), then polling to the end | delivered, with [`ForcedEnd`](crate::flow::EndReason::ForcedEnd) | when the stream has ended |
/// | [`shutdown`](Self::shutdown) | discarded | when its future is ready |
/// | dropping it | discarded | soon: the source's own thread detaches, up to 50 ms an interface by TCX |
///
/// A process that exits before that thread is done leaves the same as a killed process. The kernel closes its TCX
/// links. Filters stay until the next source opens in that network namespace and removes them. A
/// [pinned](crate::Pinning) instance stays, and the next source of its name resumes it. To leave nothing, await
/// `shutdown` before `main` returns.
///
/// With [`Pinning`](crate::Pinning), polling for the next record acknowledges the previous one, unless
/// [`manual_ack`](FlowSource::manual_ack) was called. With [`Pinning::persist`](crate::Pinning::persist), all three
/// ways to stop leave the instance pinned.
///
/// A forked child has no part in the source: its stream ends with an error, and closing or dropping it does not
/// affect the parent.
///
/// ```
/// use futures::StreamExt;
/// use mermin_core::FlowSource;
///
/// # async fn watch() -> Result<(), mermin_core::Error> {
/// let mut flows = FlowSource::builder().interfaces(["eth*"]).open().await?;
/// let mut some = flows.by_ref().take(100);
/// while let Some(flow) = some.next().await {
///     println!("{}", flow?);
/// }
/// flows.shutdown().await?; // nothing is attached any more
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct FlowSource {
    queue: Arc<Queue>,
    control: Arc<Control>,
    handle: Handle,
    /// Records that were taken from the queue and not returned yet.
    batch: VecDeque<Flow>,
    /// No record follows the batch.
    ended: bool,
    /// The error that follows the batch.
    failed: Option<Error>,
    receipts: Receipts,
}

impl FlowSource {
    /// Returns the options of a source that is to be opened.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let options = FlowSource::builder().interfaces(["eth*"]).max_flows(100_000);
    /// assert_eq!(options.get_max_flows(), Some(100_000));
    /// ```
    pub fn builder() -> FlowSourceBuilder {
        FlowSourceBuilder::default()
    }

    pub(super) fn new(queue: Arc<Queue>, control: Arc<Control>, opened: Opened) -> Self {
        let handle = Handle::new(Arc::clone(&control), opened.shared);
        Self {
            queue,
            receipts: Receipts::new(opened.receipt, Arc::clone(&control)),
            control,
            handle,
            batch: VecDeque::new(),
            ended: false,
            failed: None,
        }
    }

    /// Discards all records in a forked child. The parent has them, and acknowledges them.
    fn leave_to_parent(&mut self) {
        if self.ended || !self.control.is_inherited() {
            return;
        }
        self.batch.clear();
        self.receipts.forget();
        self.ended = true;
        self.failed = Some(
            Error::new(
                ErrorKind::Closed,
                "cannot take flows in a child of the process that opened the source",
            )
            .with_remedy("open a new source in the child, after the fork"),
        );
    }

    /// Stops capturing and returns at once. Polling to the end then returns the last record of every open flow, unless a
    /// filter or [`join`](FlowSourceBuilder::join) suppresses it. If the instance [persists](crate::Pinning::persist), no
    /// flow ends, and polling returns only the records that were already made. `close` can be called again.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::FlowSource;
    ///
    /// # async fn count() -> Result<(), mermin_core::Error> {
    /// let mut flows = FlowSource::builder().open().await?;
    /// // ..
    /// flows.close();
    /// while let Some(flow) = flows.next().await {
    ///     println!("{}", flow?); // of each flow that was open
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&mut self) {
        self.control.close();
    }

    /// Stops capturing, and waits until nothing of the source is attached or pinned any more. If the instance
    /// [persists](crate::Pinning::persist), its programs and pins stay, and this waits until another source can open it.
    /// Undelivered records are discarded. To get them, call [`close`](Self::close) and poll to the end instead.
    ///
    /// Takes up to 50 ms for each interface with TCX, and less than a millisecond with a filter. Dropping the future
    /// drops the source: the work continues in the background. For a capture file or reader, this waits for the read
    /// call in progress.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// # async fn restart() -> Result<(), mermin_core::Error> {
    /// let options = FlowSource::builder().pinning(Pinning::instance("billing"));
    /// let flows = options.clone().open().await?;
    /// // ..
    /// flows.shutdown().await?;
    /// let flows = options.open().await?; // the instance is free
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A program cannot be detached, because the process has dropped a capability since it opened the source. The
    /// remedy has the command that detaches it. Also the error that ended the source, if the stream has not returned
    /// it yet.
    pub async fn shutdown(self) -> Result<(), Error> {
        let (control, queue) = (Arc::clone(&self.control), Arc::clone(&self.queue));
        drop(self);
        if control.is_inherited() {
            return Ok(());
        }
        control.over().await;
        queue.failure().map_or(Ok(()), Err)
    }

    /// Returns the source's present state and degradations. They change as interfaces appear and disappear.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let (flows, _) = FlowSource::replay([]).open()?;
    /// for degradation in &flows.report().degradations {
    ///     eprintln!("{degradation}");
    /// }
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> Report {
        self.handle.report()
    }

    /// Returns a handle for other threads and tasks: [statistics](Handle::stats), [`report`](Handle::report),
    /// [`reconfigure`](Handle::reconfigure), [`close`](Handle::close).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let (flows, _) = FlowSource::replay([]).open()?;
    /// let handle = flows.handle();
    /// let packets = std::thread::spawn(move || handle.stats().packets);
    /// # let _ = packets.join();
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Lets the consumer itself acknowledge the records of a source with [`Pinning`](crate::Pinning), by
    /// [`Acknowledger::ack`]. From now on, polling for the next record acknowledges nothing. Use this in a consumer that takes
    /// further records before the first one is stored, for example through a channel, `ready_chunks` or another task. If
    /// the process is killed before it acknowledges a record, the next source of the instance delivers the record
    /// again.
    ///
    /// A flow has one unacknowledged record at a time, and a flow that has ended keeps its slot in the table until
    /// its last record is acknowledged. After `close`, the stream ends when all records are acknowledged; with
    /// [`persist`](crate::Pinning::persist) it does not wait for that. [`run`](Self::run) acknowledges by itself. Records of an
    /// unpinned source need no acknowledgement.
    ///
    /// ```no_run
    /// use futures::{StreamExt, TryStreamExt};
    /// use mermin_core::{Flow, FlowSource, Pinning};
    ///
    /// # async fn store(_: &[Flow]) {}
    /// # async fn watch() -> Result<(), mermin_core::Error> {
    /// let pinning = Pinning::instance("billing");
    /// let mut source = FlowSource::builder().pinning(pinning).open().await?;
    /// let acknowledger = source.manual_ack();
    /// let mut chunks = source.try_ready_chunks(1000);
    /// while let Some(flows) = chunks.next().await {
    ///     let flows = flows.map_err(|failed| failed.1)?;
    ///     store(&flows).await;
    ///     acknowledger.ack_all(&flows);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn manual_ack(&mut self) -> Acknowledger {
        self.receipts.manual()
    }

    /// Exports every record through a sink until the source ends, then closes the sink. [`Run`] has the options;
    /// await it to begin.
    ///
    /// A record is delivered, and with [`Pinning`](crate::Pinning) acknowledged, when the sink has returned `Ok` for
    /// its batch. [`crate::sink`] has the contract. Dropping the future loses no record: the next `run`, or the
    /// stream, returns the records of the current batch again. Pass `&mut sink` to keep the sink.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mermin_core::{FlowSource, sink::{Batching, JsonLines}};
    ///
    /// # async fn export() -> Result<(), mermin_core::Error> {
    /// let mut source = FlowSource::builder().open().await?;
    /// source
    ///     .run(JsonLines::new(Vec::new()))
    ///     .batch(Batching::default().records(1000).age(Duration::from_secs(1)))
    ///     .close_within(Duration::from_secs(10))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<S: FlowSink>(&mut self, sink: S) -> Run<'_, S> {
        Run::new(self, sink)
    }

    /// Takes more records from the queue. Ready with false when no more will come.
    fn poll_more(&mut self, context: &Context<'_>) -> Poll<bool> {
        if self.ended {
            return Poll::Ready(false);
        }
        if self.control.is_closing() {
            self.queue.cut();
        }
        match ready!(self.queue.take(context, &mut self.batch)) {
            Some(Ok(taken)) => {
                if taken.wanted {
                    self.control.wake();
                }
            }
            Some(Err(error)) => {
                self.ended = true;
                self.failed = Some(error);
            }
            None => self.ended = true,
        }
        Poll::Ready(!self.ended)
    }

    /// Ends the stream, and returns the error that follows the records, if there is one.
    fn end(&mut self) -> Option<Error> {
        self.receipts.end();
        self.control.ended();
        self.failed.take()
    }
}

impl Stream for FlowSource {
    type Item = Result<Flow, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.leave_to_parent();
        this.receipts.ask();
        loop {
            if let Some(flow) = this.batch.pop_front() {
                this.receipts.give(&flow);
                return Poll::Ready(Some(Ok(flow)));
            }
            if !ready!(this.poll_more(context)) {
                return Poll::Ready(this.end().map(Err));
            }
        }
    }
}

impl FusedStream for FlowSource {
    fn is_terminated(&self) -> bool {
        self.ended && self.failed.is_none() && self.batch.is_empty()
    }
}

impl Drop for FlowSource {
    fn drop(&mut self) {
        self.control.abandon();
        self.control.ended();
    }
}

const _: () = {
    const fn check<T: Send + Unpin>() {}
    check::<FlowSource>();
};
