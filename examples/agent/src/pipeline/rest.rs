//! The batch that a receiver has not taken when it is removed.

use mermin_core::sink::{BoxError, DropReason, Meter, SinkStats};
use tokio::sync::oneshot;

/// The fate of the batch that a receiver has not taken when it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// A successor of the same name gets it.
    IsPassedOn,
    /// Nobody else has it for this receiver, so its records count as dropped.
    IsDropped,
}

/// The outcome of a batch at a receiver.
pub(super) enum Answer {
    /// The receiver has taken it, or its sink has failed.
    Done(Result<(), BoxError>),
    /// A successor has to take this many records, the last ones of the batch.
    PassedOn(usize),
}

/// The records of a batch that a removed receiver has not taken. Dropped, it decides what becomes of them. That is after the sink
/// was closed, or once the time for that is over: the thread of a sink may deliver a batch whose call was dropped.
pub(super) struct Rest {
    records: usize,
    unfinished: Unfinished,
    meter: Option<Meter>,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Rest {
    /// Reads the number of records, while the call that exports the batch exists.
    pub(super) fn of(
        batch: usize,
        meter: Option<Meter>,
        unfinished: Unfinished,
        answer: oneshot::Sender<Answer>,
    ) -> Self {
        let left = meter.as_ref().map(|meter| meter.stats().in_progress);
        let answer = match unfinished {
            Unfinished::IsPassedOn => Some(answer),
            Unfinished::IsDropped => {
                // Nobody waits for a receiver without a successor: the others get their next batch while it closes.
                // The fan-out may have been dropped.
                let _ = answer.send(Answer::PassedOn(0));
                None
            }
        };
        Self {
            records: left.map_or(batch, |left| usize::try_from(left).unwrap_or(usize::MAX)),
            unfinished,
            meter,
            answer,
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let meter = self.meter.take().unwrap_or_default();
        let settled = settled(&meter.stats()).min(self.records);
        match self.unfinished {
            // The source gets no error, so it does not give them again.
            Unfinished::IsDropped => {
                meter.accepted(self.records);
                meter.dropped(DropReason::Closed, self.records - settled);
            }
            Unfinished::IsPassedOn => {
                meter.accepted(settled);
                // A sink settles a batch as a whole.
                let left = if settled == self.records {
                    0
                } else {
                    self.records
                };
                if let Some(answer) = self.answer.take() {
                    // The fan-out may have been dropped.
                    let _ = answer.send(Answer::PassedOn(left));
                }
            }
        }
    }
}

/// Returns the number of records that are settled and not accepted: a dropped call accepts none.
fn settled(stats: &SinkStats) -> usize {
    usize::try_from(taken(stats).saturating_sub(stats.accepted)).unwrap_or(usize::MAX)
}

/// Returns the number of records that a receiver has in its buffer, delivered or dropped.
pub(super) fn taken(stats: &SinkStats) -> u64 {
    stats.delivered + stats.dropped_in_all() + stats.waiting - stats.in_progress
}
