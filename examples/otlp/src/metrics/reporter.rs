//! Sends sums by time.

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
    /// Something was added that no receiver has.
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

    /// When sums are to be sent next.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn add(&mut self, flows: &[Flow]) {
        for flow in flows {
            self.sums.add(flow);
        }
        self.is_new = true;
    }

    /// Sends all sums; of cumulative ones also those that are as they were: a series that is not sent is gone to some receivers.
    ///
    /// # Errors
    /// What the receiver said.
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

    /// Sends what no receiver has.
    pub(crate) async fn close(&mut self, envelope: &Envelope) -> Result<(), String> {
        if self.is_new {
            self.report(envelope).await?;
        }
        self.client.close().await;
        Ok(())
    }
}
