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
        let mut outcome = Ok(());
        loop {
            let request = self.sums.request(envelope, SystemTime::now());
            match self.client.call(request).await {
                Answer::Accepted { rejected, words } => {
                    if rejected != 0 {
                        outcome = Err(format!(
                            "the receiver rejected {rejected} points of metrics: {words}"
                        ));
                    }
                }
                Answer::Refused(words) | Answer::TooLarge(words) | Answer::Later { words, .. } => {
                    return Err(format!("cannot export metrics: {words}"));
                }
            }
            if !self.sums.arrived() {
                self.is_new = false;
                return outcome;
            }
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
