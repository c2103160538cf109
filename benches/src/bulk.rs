//! A continuous TCP stream by `iperf3`, and its rate.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::{Result, testbed::Process};

/// Position of the octets sent among an interface's figures in `/proc/net/dev`.
const SENT: usize = 8;

/// A stream from the near side to the far one, which must run a server. Dropping it ends the stream.
#[derive(Debug)]
pub struct Bulk {
    _client: Process,
}

impl Bulk {
    /// Starts sending on the calling thread's CPUs, and waits for the first octets.
    ///
    /// # Errors
    /// An error if `iperf3` is missing or sends nothing.
    pub fn start() -> Result<Self> {
        let client = Process::start("iperf3 --client 10.9.0.2 --time 86400")
            .map_err(|error| format!("iperf3 is missing: {error}"))?;
        let bulk = Self { _client: client };
        for _ in 0..50 {
            if bulk.rate(Duration::from_millis(100))? > 0.1 {
                return Ok(bulk);
            }
        }
        Err("iperf3 sends nothing".into())
    }

    /// Returns the rate at which `v0` sends during this time, Gbit/s.
    ///
    /// # Errors
    /// An error if the kernel has no such figure.
    pub fn rate(&self, time: Duration) -> Result<f64> {
        let (before, began) = (sent()?, Instant::now());
        thread::sleep(time);
        let (after, took) = (sent()?, began.elapsed());
        Ok((after - before) * 8.0 / took.as_secs_f64() / 1e9)
    }
}

/// Returns the octets that `v0` of the calling thread's namespace has sent.
fn sent() -> Result<f64> {
    let said = fs::read_to_string("/proc/thread-self/net/dev")?;
    let figures = said
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("v0:"))
        .ok_or("cannot find v0 in /proc/net/dev")?;
    let sent = figures.split_whitespace().nth(SENT);
    Ok(sent.ok_or("v0 has no figures")?.parse()?)
}
