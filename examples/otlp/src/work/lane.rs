//! The export of records to one receiver.

use std::{collections::VecDeque, ops::Range, sync::Arc, time::SystemTime};

use mermin_core::{Flow, sink::Meter};
use tokio::task::JoinSet;

use super::{
    Later,
    progress::{Lost, Progress},
};
use crate::{
    answer::Answer,
    encode::{Encoder, Item, Request},
    link::Client,
    settings::Signal,
};

/// The export of spans or of log records.
pub(super) struct Lane {
    signal: Signal,
    client: Arc<Client>,
    /// Concurrent requests.
    at_once: usize,
    /// Size limit of a request, bytes. It shrinks when the receiver rejects a request as too large.
    most: usize,
    progress: Progress,
}

/// Outcome of some records of a batch.
struct Outcome {
    range: Range<usize>,
    octets: usize,
    answer: Answer,
}

/// Finished records, and those among them that the receiver rejected for good.
#[derive(Default)]
struct Through {
    ranges: Vec<Range<usize>>,
    lost: Lost,
}

impl Lane {
    /// Smallest size limit of requests. A record may be larger, and is sent alone.
    const LEAST: usize = 1024;

    pub(super) fn new(signal: Signal, client: Client, requests: usize, most: usize) -> Self {
        Self {
            signal,
            at_once: client.at_once(requests),
            client: Arc::new(client),
            most,
            progress: Progress::default(),
        }
    }

    /// Delivers the rest of a batch.
    ///
    /// # Errors
    /// If the receiver lacks records. Records that it has are not sent again.
    pub(super) async fn deliver(
        &mut self,
        encoder: &Encoder,
        flows: &[Flow],
        now: SystemTime,
        meter: &Meter,
    ) -> Result<(), Later> {
        let flows = self.progress.left(flows);
        let mut waiting = VecDeque::new();
        waiting.push_back(0..flows.len());
        let mut under_way = JoinSet::new();
        let mut through = Through::default();
        let mut later: Option<Later> = None;
        loop {
            // A failing receiver gets no further requests.
            while later.is_none()
                && under_way.len() < self.at_once
                && let Some(range) = waiting.pop_front()
            {
                let Some(records) = flows
                    .get(range.clone())
                    .filter(|records| !records.is_empty())
                else {
                    continue;
                };
                let (request, count) = self.encode(encoder, records, now);
                let middle = range.start + count;
                waiting.push_front(middle..range.end);
                let client = Arc::clone(&self.client);
                under_way.spawn(async move {
                    let octets = request.as_bytes().len();
                    let answer = client.call(request).await;
                    Outcome {
                        range: range.start..middle,
                        octets,
                        answer,
                    }
                });
                // It is sent before the next one is encoded.
                tokio::task::yield_now().await;
            }
            let Some(joined) = under_way.join_next().await else {
                break;
            };
            let outcome = joined.map_err(|error| Later {
                words: format!("a request ended: {error}"),
                ..Later::default()
            })?;
            if let Err(not_now) = self.settle(outcome, &mut waiting, &mut through, meter) {
                later = Some(match later {
                    Some(first) => first.and(&not_now),
                    None => not_now,
                });
            }
        }
        self.progress.add(through.lost);
        match later {
            None => Ok(()),
            Some(later) => {
                self.progress.interrupted(&flows, &through.ranges);
                Err(later)
            }
        }
    }

    fn encode(&self, encoder: &Encoder, records: &[Flow], now: SystemTime) -> (Request, usize) {
        let item = match self.signal {
            Signal::Logs => Item::Log(now),
            _ => Item::Span,
        };
        let mut request = Request::default();
        let count = encoder.encode(records, item, self.most, &mut request);
        (request, count)
    }

    fn settle(
        &mut self,
        outcome: Outcome,
        waiting: &mut VecDeque<Range<usize>>,
        through: &mut Through,
        meter: &Meter,
    ) -> Result<(), Later> {
        let Outcome {
            range,
            octets,
            answer,
        } = outcome;
        let lost = &mut through.lost;
        match answer {
            Answer::Accepted { rejected, words } => {
                let rejected = usize::try_from(rejected).unwrap_or(usize::MAX);
                lost.refused += rejected.min(range.len());
                if rejected != 0 || !words.is_empty() {
                    let words = format!("the receiver rejected {rejected} records: {words}");
                    meter.failed(&words.into());
                }
            }
            Answer::Refused(words) => {
                lost.refused += range.len();
                meter.failed(&words.into());
            }
            Answer::TooLarge(words) if range.len() == 1 => {
                lost.unsendable += 1;
                meter.failed(&words.into());
            }
            Answer::TooLarge(_) => {
                self.most = self.most.min(octets / 2).max(Self::LEAST);
                let middle = range.start + range.len() / 2;
                waiting.push_front(middle..range.end);
                waiting.push_front(range.start..middle);
                return Ok(());
            }
            Answer::Later { patience, words } => return Err(Later { patience, words }),
        }
        through.ranges.push(range);
        Ok(())
    }

    /// This receiver has the batch, and another one does not have it yet.
    pub(super) fn through(&mut self, flows: &[Flow]) {
        self.progress.through(flows);
    }

    /// Finishes the batch; returns its lost records.
    pub(super) fn finish(&mut self) -> Lost {
        self.progress.finish()
    }

    pub(super) async fn close(&self) {
        self.client.close().await;
    }
}
