//! The sink.

use std::{fmt, io, thread};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, Meter},
};
use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use crate::{
    settings::Settings,
    work::{Job, Worker},
};

/// Look-ups of names under way at once: one that hangs holds up another, and no more.
const LOOK_UPS: usize = 2;

/// Exports flows by OTLP. A thread, `mermin-otlp`, with a runtime of its own encodes and sends, so it works on any executor.
///
/// `Ok` means that the receiver answered that it has the records, but for those it rejected for good: they are dropped, and the
/// [meter](FlowSink::meter) counts them as [`Refused`](mermin_core::sink::DropReason::Refused), or as
/// [`Unsendable`](mermin_core::sink::DropReason::Unsendable) where a single one is too large. Everything else is an error, after
/// which the batch is to be given again: put [`retry`](mermin_core::sink::retry) around it, which keeps to the time that a
/// receiver asks for. Records of the batch that a receiver has already are not sent again.
///
/// Of metrics alone, `Ok` means that the records are added up; they are sent by time and when the sink is closed.
pub struct Exporter {
    jobs: UnboundedSender<Job>,
    meter: Meter,
    /// Where the next batch is copied to.
    spare: Vec<Flow>,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to export.
    ///
    /// # Errors
    /// That the thread, or what it waits with, cannot be made.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let meter = Meter::default();
        let worker = Worker::new(settings, meter.clone());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(LOOK_UPS)
            .thread_name("mermin-otlp-dns")
            .build()?;
        let (jobs, received) = unbounded_channel();
        thread::Builder::new()
            .name("mermin-otlp".to_owned())
            .spawn(move || {
                runtime.block_on(worker.work(received));
                // A look-up that hangs is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            jobs,
            meter,
            spare: Vec::new(),
        })
    }

    async fn call(&mut self, flows: Option<&[Flow]>) -> Result<(), BoxError> {
        let flows = flows.map(|flows| {
            let mut copy = std::mem::take(&mut self.spare);
            copy.clear();
            copy.extend_from_slice(flows);
            copy
        });
        let (answer, answered) = oneshot::channel();
        // Where the thread is gone, so is the answer.
        let _ = self.jobs.send(Job { flows, answer });
        let done = answered
            .await
            .map_err(|_| "the thread of the exporter has ended")?;
        self.spare = done.spare;
        done.result
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
