//! The sink.

use std::{fmt, io, thread};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, Meter},
};
use mermin_program::{Delivered, key};
use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use crate::{
    settings::{Settings, Signal},
    work::{Done, Job, Worker},
};

/// Largest number of concurrent name look-ups. A look-up that hangs can delay only one other.
const LOOK_UPS: usize = 2;

/// Exports flows over OTLP. A thread, `mermin-otlp`, with a runtime of its own encodes and sends, so the exporter
/// works with any executor.
///
/// `Ok` means that the receiver has confirmed the records, except those it rejected for good. Those are dropped, and
/// the [meter](FlowSink::meter) counts them as [`Refused`](mermin_core::sink::DropReason::Refused), or as
/// [`Unsendable`](mermin_core::sink::DropReason::Unsendable) if a single one is too large. Everything else is an
/// error, and the batch must be exported again. Wrap the exporter in [`retry`](mermin_core::sink::retry), which
/// respects the delay that a receiver asks for. Records that a receiver already has are not sent again.
///
/// With metrics only, `Ok` means that the records are added to the sums. The sums are sent periodically, and when the
/// sink is closed.
pub struct Exporter {
    jobs: UnboundedSender<Job>,
    /// Dropped together with the exporter.
    _exists: oneshot::Sender<()>,
    meter: Meter,
    /// Memory for the next batch.
    spare: Vec<Flow>,
    /// The answer to a call that was dropped.
    under_way: Option<oneshot::Receiver<Done>>,
    /// Records that dropped calls delivered.
    delivered: Delivered,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to export.
    ///
    /// # Errors
    /// If spans, log records and metrics are all off, or if the thread or its resources cannot be created.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        if Signal::ALL
            .iter()
            .all(|it| settings.endpoint(*it).is_none())
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot export by OTLP: traces, logs and metrics are all off: turn one on",
            ));
        }
        let meter = Meter::default();
        let worker = Worker::new(settings, meter.clone());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(LOOK_UPS)
            .thread_name("mermin-otlp-dns")
            .build()?;
        let (jobs, received) = unbounded_channel();
        let (exists, gone) = oneshot::channel();
        thread::Builder::new()
            .name("mermin-otlp".to_owned())
            .spawn(move || {
                runtime.block_on(worker.work(received, gone));
                // Does not wait for a look-up that hangs.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            jobs,
            _exists: exists,
            meter,
            spare: Vec::new(),
            under_way: None,
            delivered: Delivered::default(),
        })
    }

    async fn call(&mut self, flows: Option<&[Flow]>) -> Result<(), BoxError> {
        self.settle().await;
        let mut copy = std::mem::take(&mut self.spare);
        copy.clear();
        if let Some(flows) = flows {
            copy.extend_from_slice(&self.delivered.left(flows));
            if copy.is_empty() {
                self.spare = copy;
                self.delivered.clear();
                return Ok(());
            }
        }
        let (answer, answered) = oneshot::channel();
        // If the thread has ended, the answer is an error.
        let _ = self.jobs.send(Job {
            flows: flows.map(|_| copy),
            answer,
        });
        let done = self.under_way.insert(answered).await;
        self.under_way = None;
        let Done { result, spare } = done.map_err(|_| "the thread of the exporter has ended")?;
        self.spare = spare;
        if result.is_ok() {
            self.delivered.clear();
        }
        result
    }

    /// Waits for the end of a dropped call, and notes the delivered records, because its batch is exported again.
    async fn settle(&mut self) {
        let Some(before) = &mut self.under_way else {
            return;
        };
        let done = before.await;
        self.under_way = None;
        if let Ok(Done { result, spare }) = done {
            if result.is_ok() {
                self.delivered.extend(spare.iter().map(key));
            }
            self.spare = spare;
        }
    }
}

impl FlowSink for Exporter {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.call(Some(flows)).await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.call(None).await
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}
