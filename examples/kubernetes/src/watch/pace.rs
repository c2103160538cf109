//! How long to wait for what.

use std::time::Duration;

/// Times of following a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// The first wait after a failure; each further one is twice as long. Default: 0.5 s.
    pub first: Duration,
    /// The longest wait after failures. Default: 30 s.
    pub most: Duration,
    /// The longest wait that a server can ask for (`Retry-After`). Default: 5 min.
    pub longest_request: Duration,
    /// Two watches begin at least this time apart, even if the server ends each at once. Default: 1 s.
    pub floor: Duration,
    /// A list after `410 Gone`, or after the server's store was restored from a copy, begins at a random time within this one: all
    /// watchers find it out at once. Default: 5 s.
    pub relist_within: Duration,
    /// A watch lasts this long. The server's version is compared with the watch's after each. Default: 5 min.
    pub watch_for: Duration,
    /// A server that sends nothing for this long does not answer. Default: 30 s.
    pub silent_after: Duration,
    /// A kind that the server does not have is asked for again after this time. Default: 10 min.
    pub absent_for: Duration,
    /// Objects that nobody has confirmed for this long are forgotten. Default: 1 h.
    pub stale_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            most: Duration::from_secs(30),
            longest_request: Duration::from_mins(5),
            floor: Duration::from_secs(1),
            relist_within: Duration::from_secs(5),
            watch_for: Duration::from_mins(5),
            silent_after: Duration::from_secs(30),
            absent_for: Duration::from_mins(10),
            stale_after: Duration::from_hours(1),
        }
    }
}

impl Pace {
    /// Returns the wait after this many failures in a row, of which there is at least one: doubled each time, and half of
    /// it random. `random` is 0 to 1.
    pub(super) fn back_off(&self, failures: u32, random: f64) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1).min(30));
        let wait = self.first.saturating_mul(doubled.unwrap_or(u32::MAX));
        wait.min(self.most).mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let pace = Pace::default();
        let waits: Vec<_> = (1..10)
            .map(|failures| pace.back_off(failures, 1.0))
            .collect();
        assert_eq!(waits[..3], [500, 1_000, 2_000].map(Duration::from_millis));
        assert_eq!(waits[8], Duration::from_secs(30));
        assert_eq!(pace.back_off(u32::MAX, 0.0), Duration::from_secs(15));
    }
}
