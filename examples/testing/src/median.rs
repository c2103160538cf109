//! Measures the time of work.

use std::time::{Duration, Instant};

/// Returns the seconds of one round: the median of `rounds`.
///
/// ```
/// assert!(mermin_testing::median(3, || std::thread::sleep(std::time::Duration::from_millis(1))) >= 0.001);
/// ```
pub fn median(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<Duration> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2].as_secs_f64()
}
