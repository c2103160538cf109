//! The thread: jobs in their order, and metrics by time.

use std::{
    pin::pin,
    time::{Instant, SystemTime},
};

use futures::future::{Either, select};
use mermin_core::{
    Flow,
    sink::{BoxError, DropReason, Meter},
};
use tokio::{
    sync::{mpsc::UnboundedReceiver, oneshot},
    time::timeout_at,
};

use super::{lane::Lane, progress::Lost};
use crate::{
    encode::Encoder,
    link::Client,
    metrics::Reporter,
    settings::{Settings, Signal},
};

/// A request to the thread. None: close.
pub(crate) struct Job {
    pub(crate) flows: Option<Vec<Flow>>,
    pub(crate) answer: oneshot::Sender<Done>,
}

/// Its outcome, and the memory of the batch.
pub(crate) struct Done {
    pub(crate) result: Result<(), BoxError>,
    pub(crate) spare: Vec<Flow>,
}

pub(crate) struct Worker {
    encoder: Encoder,
    lanes: Vec<Lane>,
    reporter: Option<Reporter>,
    meter: Meter,
}

impl Worker {
    pub(crate) fn new(settings: &Settings, meter: Meter) -> Self {
        let lane = |signal| {
            let endpoint = settings.endpoint(signal)?.clone();
            let client = Client::new(endpoint, signal);
            Some(Lane::new(
                signal,
                client,
                settings.requests,
                settings.message,
            ))
        };
        let reporter = settings
            .endpoint(Signal::Metrics)
            .map(|endpoint| Reporter::new(endpoint.clone(), settings, SystemTime::now()));
        Self {
            encoder: Encoder::new(settings),
            lanes: [Signal::Traces, Signal::Logs]
                .into_iter()
                .filter_map(lane)
                .collect(),
            reporter,
            meter,
        }
    }

    /// Works until nobody can ask any more.
    pub(crate) async fn work(mut self, mut jobs: UnboundedReceiver<Job>) {
        loop {
            let due = self.reporter.as_ref().map(Reporter::due);
            let job = match due {
                None => Ok(jobs.recv().await),
                Some(due) => timeout_at(due.into(), jobs.recv()).await,
            };
            let Ok(job) = job else {
                self.report().await;
                continue;
            };
            let Some(Job { flows, mut answer }) = job else {
                return;
            };
            let (result, spare) = {
                // Whoever asked may go; then nobody waits for the answer, and the batch is given again.
                let work = self.perform(flows);
                match select(pin!(work), pin!(answer.closed())).await {
                    Either::Left((done, _)) => done,
                    Either::Right(_) => continue,
                }
            };
            let _ = answer.send(Done { result, spare });
        }
    }

    async fn perform(&mut self, flows: Option<Vec<Flow>>) -> (Result<(), BoxError>, Vec<Flow>) {
        match flows {
            Some(flows) => (self.export(&flows).await, flows),
            None => (self.close().await, Vec::new()),
        }
    }

    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let now = SystemTime::now();
        for lane in &mut self.lanes {
            lane.deliver(&self.encoder, flows, now, &self.meter).await?;
        }
        // A record is lost where one receiver refuses it, though another has it.
        let lost = self.lanes.iter_mut().map(Lane::finish);
        let lost = lost.max_by_key(|lost| lost.in_all()).unwrap_or_default();
        self.count(flows.len(), lost);
        if let Some(reporter) = &mut self.reporter {
            reporter.add(flows);
            if reporter.due() <= Instant::now() {
                self.report().await;
            }
        }
        Ok(())
    }

    fn count(&self, records: usize, lost: Lost) {
        self.meter.accepted(records);
        self.meter.delivered(records.saturating_sub(lost.in_all()));
        self.meter.dropped(DropReason::Refused, lost.refused);
        self.meter.dropped(DropReason::Unsendable, lost.unsendable);
    }

    /// Sums are since the beginning, so those that did not arrive are in the next ones.
    async fn report(&mut self) {
        if let Some(reporter) = &mut self.reporter
            && let Err(words) = reporter.report(self.encoder.envelope()).await
        {
            self.meter.failed(&words.into());
        }
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        if let Some(reporter) = &mut self.reporter {
            reporter.close(self.encoder.envelope()).await?;
        }
        for lane in &self.lanes {
            lane.close().await;
        }
        Ok(())
    }
}
