//! The thread: jobs in order, and periodic metrics.

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

/// A request to the thread. `None` closes it.
pub(crate) struct Job {
    pub(crate) flows: Option<Vec<Flow>>,
    /// Answered also after the call was dropped, so that its outcome is known.
    pub(crate) answer: oneshot::Sender<Done>,
}

/// The outcome, and the memory of the batch.
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

    /// Works until the exporter is dropped, which closes `gone` and cancels the job in progress. A dropped call does not cancel it: the
    /// receiver may have confirmed a part of its records, which the caller would export again.
    pub(crate) async fn work(
        mut self,
        mut jobs: UnboundedReceiver<Job>,
        mut gone: oneshot::Receiver<()>,
    ) {
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
            let Some(job) = job else {
                return;
            };
            let result = {
                let work = self.perform(job.flows.as_deref());
                match select(pin!(work), &mut gone).await {
                    Either::Left((result, _)) => result,
                    Either::Right(_) => return,
                }
            };
            let spare = job.flows.unwrap_or_default();
            let _ = job.answer.send(Done { result, spare });
            // After the answer: otherwise a call that is dropped meanwhile would have its records counted twice.
            let due = self.reporter.as_ref().map(Reporter::due);
            if due.is_some_and(|due| due <= Instant::now()) {
                self.report().await;
            }
        }
    }

    async fn perform(&mut self, flows: Option<&[Flow]>) -> Result<(), BoxError> {
        match flows {
            Some(flows) => self.export(flows).await,
            None => self.close().await,
        }
    }

    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let now = SystemTime::now();
        let others = self.lanes.len().saturating_sub(1);
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            lane.deliver(&self.encoder, flows, now, &self.meter).await?;
            if number < others {
                lane.through(flows);
            }
        }
        // A record is lost if one receiver rejects it, even if another has it.
        let lost = self.lanes.iter_mut().map(Lane::finish);
        let lost = lost.max_by_key(|lost| lost.in_all()).unwrap_or_default();
        self.count(flows.len(), lost);
        if let Some(reporter) = &mut self.reporter {
            reporter.add(flows);
        }
        Ok(())
    }

    fn count(&self, records: usize, lost: Lost) {
        self.meter.accepted(records);
        self.meter.delivered(records.saturating_sub(lost.in_all()));
        self.meter.dropped(DropReason::Refused, lost.refused);
        self.meter.dropped(DropReason::Unsendable, lost.unsendable);
    }

    /// A failed report is no loss, because the next one includes its sums.
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
