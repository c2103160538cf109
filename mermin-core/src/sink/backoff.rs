//! Delays between the attempts to export a batch.

use std::time::Duration;

/// Delays of [`retry`](super::retry). The first delay is `first`. Each later delay is twice the one before, up to
/// `max`. `elapsed` limits the whole time of a batch, attempts and delays. The batch fails when the rest of that time is
/// shorter than the next delay. Each delay is drawn at random between half of its value and all of it, so that many senders
/// do not return at the same moment. If the receiver asks for a longer delay, that delay applies instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "give it to `retry`"]
pub struct Backoff {
    first: Duration,
    max: Duration,
    elapsed: Option<Duration>,
    attempt: Option<Duration>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            max: Duration::from_secs(30),
            elapsed: None,
            attempt: None,
        }
    }
}

impl Backoff {
    /// The first delay. Default: 100 ms.
    pub fn first(mut self, wait: Duration) -> Self {
        self.first = wait;
        self
    }

    /// The longest delay. Default: 30 s.
    pub fn max(mut self, wait: Duration) -> Self {
        self.max = wait;
        self
    }

    /// Time limit of a batch, attempts and delays included. Default: none. The batch is then repeated until the receiver accepts it or
    /// refuses it permanently.
    pub fn elapsed(mut self, time: Duration) -> Self {
        self.elapsed = Some(time);
        self
    }

    /// Time limit of one attempt. After it, the attempt is dropped and counts as failed. Nothing else detects a receiver that
    /// keeps its connection open and never replies. Default: none.
    pub fn attempt(mut self, time: Duration) -> Self {
        self.attempt = Some(time);
        self
    }

    pub(super) fn attempt_limit(&self) -> Option<Duration> {
        self.attempt
    }

    /// Returns the delay after this failed attempt (from 0). `random` sets the delay within its range: 0 is half of its
    /// value, `u32::MAX` all of it. The delay is at least `patience`, which the receiver asked for. `None` if the batch
    /// has used `spent` of its time limit, and the rest is shorter than the delay.
    pub(super) fn wait(
        &self,
        attempt: u32,
        patience: Duration,
        random: u32,
        spent: Duration,
    ) -> Option<Duration> {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(factor).min(self.max);
        let part = 0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX);
        let wait = whole.mul_f64(part).max(patience);
        let over = self
            .elapsed
            .is_some_and(|elapsed| spent.saturating_add(wait) > elapsed);
        (!over).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::default().first(100 * MS).max(1000 * MS);
        let waits = |random| {
            (0..40).map(move |attempt| {
                backoff
                    .wait(attempt, Duration::ZERO, random, Duration::ZERO)
                    .unwrap()
                    .as_millis()
            })
        };
        let longest: Vec<_> = waits(u32::MAX).take(6).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1000, 1000]);
        let shortest: Vec<_> = waits(0).take(6).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 500, 500]);
        assert_eq!(waits(u32::MAX).next_back(), Some(1000));
    }

    #[test]
    fn back_off_respects_the_limit_and_the_receivers_delay() {
        let backoff = Backoff::default().first(100 * MS).elapsed(1000 * MS);
        let wait = |patience, spent| backoff.wait(0, patience, u32::MAX, spent);
        assert_eq!(wait(Duration::ZERO, 900 * MS), Some(100 * MS));
        assert_eq!(wait(Duration::ZERO, 901 * MS), None);
        assert_eq!(wait(700 * MS, 300 * MS), Some(700 * MS));
        assert_eq!(wait(2000 * MS, Duration::ZERO), None);
        // The delay that a receiver asks for may exceed the longest one.
        let patient = Backoff::default().max(10 * MS);
        assert_eq!(
            patient.wait(3, 5000 * MS, 0, Duration::ZERO),
            Some(5000 * MS)
        );
    }
}
