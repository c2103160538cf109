//! Memory and processor time of the agent's process.

use std::{fs, time::Duration};

/// Memory of a process in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// All that is resident, with the maps of the kernel program that it shares.
    pub(crate) resident: u64,
    /// Its own: heap and stacks.
    pub(crate) own: u64,
    /// The most that was ever resident.
    pub(crate) peak: u64,
}

/// Reads the memory of a process. `None` if it has ended.
pub(crate) fn memory(process: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        resident: line("VmRSS:")?,
        own: line("RssAnon:")?,
        peak: line("VmHWM:")?,
    })
}

/// Reads the processor time of a process with all its threads, also those that have ended. `None` if it has ended.
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // USER_HZ is 100 on every processor that Rust's std and eBPF support.
    Some(Duration::from_millis((user + system) * 10))
}

/// Memory of one process over time.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    all: Vec<(f64, Memory)>,
    peak: u64,
}

impl Samples {
    /// Adds a sample, at this time since the process began.
    pub(crate) fn add(&mut self, age: Duration, memory: Memory) {
        self.all.push((age.as_secs_f64(), memory));
        self.add_peak(memory);
    }

    /// Adds the peak of a sample alone.
    pub(crate) fn add_peak(&mut self, memory: Memory) {
        self.peak = self.peak.max(memory.peak);
    }

    /// Returns the most that was ever resident, also between samples.
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    /// Returns the least and the most of a value.
    pub(crate) fn range(&self, of: fn(&Memory) -> u64) -> (u64, u64) {
        let values = || self.all.iter().map(|(_, memory)| of(memory));
        (values().min().unwrap_or(0), values().max().unwrap_or(0))
    }

    /// Returns sums for a slope over several processes: of `x * y` and of `x * x` around their means. The first seconds are those in
    /// which buffers and names get their size.
    fn sums(&self, of: fn(&Memory) -> u64, from: f64) -> (f64, f64) {
        let late: Vec<_> = self.all.iter().filter(|(age, _)| *age >= from).collect();
        let count = late.len() as f64;
        let mean_x = late.iter().map(|(age, _)| age).sum::<f64>() / count;
        let mean_y = late.iter().map(|(_, it)| of(it) as f64).sum::<f64>() / count;
        late.iter().fold((0.0, 0.0), |(xy, xx), (age, it)| {
            let x = age - mean_x;
            (xy + x * (of(it) as f64 - mean_y), xx + x * x)
        })
    }
}

/// Returns by how many KiB a minute the memory of these processes grows, by least squares. `None` if none of them was old enough for two
/// samples.
pub(crate) fn slope<'a>(
    all: impl Iterator<Item = &'a Samples>,
    of: fn(&Memory) -> u64,
    from: Duration,
) -> Option<f64> {
    let (xy, xx) = all
        .map(|samples| samples.sums(of, from.as_secs_f64()))
        .filter(|(xy, _)| xy.is_finite())
        .fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    (xx > 0.0).then(|| xy / xx * 60.0)
}
