//! Sends sums periodically.

use std::time::{Duration, Instant, SystemTime};

use mermin_core::Flow;

use super::sums::Sums;
use crate::{
    answer::Answer,
    encode::Envelope,
    link::Client,
    settings::{Endpoint, Settings, Signal},
};

pub(crate) struct Reporter {
    client: Client,
    sums: Sums,
    /// Size limit of a request, octets. It shrinks when the receiver rejects a request as too large.
    most: usize,
    interval: Duration,
    due: Instant,
    /// True if no receiver has the latest additions.
    is_new: bool,
}

impl Reporter {
    pub(crate) fn new(endpoint: Endpoint, settings: &Settings, now: SystemTime) -> Self {
        let interval = settings.metric_interval;
        Self {
            client: Client::new(endpoint, Signal::Metrics),
            sums: Sums::new(settings, now),
            most: settings.message,
            interval,
            due: Instant::now() + interval,
            is_new: false,
        }
    }

    /// Returns the time of the next report.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn add(&mut self, flows: &[Flow]) {
        for flow in flows {
            self.sums.add(flow);
        }
        self.is_new = true;
    }

    /// Sends all sums. Cumulative sums are sent even if unchanged, because some receivers treat a missing series as
    /// ended.
    ///
    /// # Errors
    /// The receiver's message.
    pub(crate) async fn report(&mut self, envelope: &Envelope) -> Result<(), String> {
        self.due = Instant::now() + self.interval;
        if !self.sums.has_any(SystemTime::now()) {
            return Ok(());
        }
        let (mut outcome, mut refused) = (Ok(()), false);
        while self.sums.begin(SystemTime::now()) {
            while self.sums.is_under_way() {
                let (request, count) = self.sums.request(envelope, self.most);
                let octets = request.as_bytes().len();
                let failed = match self.client.call(request).await {
                    Answer::Accepted { rejected: 0, .. } => None,
                    Answer::Accepted { rejected, words } => Some(format!(
                        "the receiver rejected {rejected} points of metrics: {words}"
                    )),
                    Answer::TooLarge(_) if count > 1 => {
                        self.most = self.most.min(octets / 2);
                        continue;
                    }
                    Answer::Refused(words) | Answer::TooLarge(words) => {
                        refused = true;
                        Some(self.refused(count, &words))
                    }
                    Answer::Later { words, .. } => {
                        return Err(format!("cannot export metrics: {words}"));
                    }
                };
                self.sums.settle(count);
                outcome = failed.map_or(outcome, Err);
            }
            if !self.sums.is_delta() {
                break;
            }
        }
        // The next report has cumulative sums again, and nobody will have refused deltas.
        self.is_new = refused && !self.sums.is_delta();
        outcome
    }

    /// Returns the words of a refusal for good.
    fn refused(&self, count: usize, words: &str) -> String {
        if self.sums.is_delta() {
            format!(
                "the receiver refused metrics of {count} combinations of attributes, which are lost: {words}"
            )
        } else {
            format!("cannot export metrics: {words}")
        }
    }

    /// Sends the sums that no receiver has.
    pub(crate) async fn close(&mut self, envelope: &Envelope) -> Result<(), String> {
        if self.is_new {
            self.report(envelope).await?;
        }
        self.client.close().await;
        Ok(())
    }
}
