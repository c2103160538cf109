//! CPUs of threads.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Returns the CPUs that this process may use.
///
/// # Errors
/// The error of the system call.
pub fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect())
}

/// Pins the calling thread, and those it starts later, to one CPU.
///
/// # Errors
/// The error of the system call.
pub fn pin(cpu: usize) -> io::Result<()> {
    allow(&[cpu])
}

/// Restricts the calling thread, and those it starts later, to these CPUs.
///
/// # Errors
/// The error of the system call.
pub fn allow(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// Returns the CPU time of the calling thread, without the time of others on its CPU.
#[must_use]
pub fn time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Returns the CPU time of all threads of this process.
#[must_use]
pub fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Returns the CPU time of ended child processes, in steps of 10 ms (`cutime` and `cstime` of proc(5)).
#[must_use]
pub fn children_time() -> Duration {
    /// User and kernel time, counted after the name in parentheses.
    const FIELDS: [usize; 2] = [13, 14];
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let words: Vec<&str> = behind.split_whitespace().collect();
    let ticks: u64 = FIELDS
        .iter()
        .filter_map(|&field| words.get(field)?.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Memory whose cache lines are read in random order; each line has the index of the next. It measures the cost of a
/// cache miss.
#[derive(Debug)]
pub struct Lines {
    /// The first word of each line is the next line.
    words: Vec<u32>,
}

/// Words of a cache line.
const LINE: usize = 16;

impl Lines {
    /// Creates this many lines of 64 octets.
    #[must_use]
    pub fn new(lines: u32) -> Self {
        let mut order: Vec<u32> = (0..lines).collect();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for at in (1..order.len()).rev() {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(at, (random >> 16) as usize % at);
        }
        let mut words = vec![0; lines as usize * LINE];
        for (here, next) in order.iter().zip(order.iter().cycle().skip(1)) {
            words[*here as usize * LINE] = *next;
        }
        Self { words }
    }

    /// Returns the nanoseconds per line, over this many lines.
    #[must_use]
    pub fn read(&self, count: u32) -> f64 {
        let began = time();
        let mut line = 0;
        for _ in 0..count {
            line = self.words[line as usize * LINE];
        }
        std::hint::black_box(line);
        time().saturating_sub(began).as_secs_f64() * 1e9 / f64::from(count)
    }
}

/// A thread on its own CPU that repeats a function until it is dropped.
#[derive(Debug)]
pub struct Busy {
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Busy {
    /// Starts the thread, and waits for its first call.
    pub fn start(cpu: usize, mut turn: impl FnMut() -> io::Result<()> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicU64::new(0));
        let thread = thread::spawn({
            let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
            move || {
                pin(cpu)?;
                while !stop.load(Ordering::Relaxed) {
                    turn()?;
                    turns.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
        });
        while turns.load(Ordering::Relaxed) == 0 && !thread.is_finished() {
            thread::yield_now();
        }
        Self {
            stop,
            turns,
            thread: Some(thread),
        }
    }

    /// Stops the thread; returns the number of calls.
    ///
    /// # Errors
    /// The error that stopped it earlier.
    pub fn stop(mut self) -> io::Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result?,
            Some(Err(_)) => return Err(io::Error::other("the busy thread panicked")),
            None => {}
        }
        Ok(self.turns.load(Ordering::Relaxed))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // `stop` returns its error. Here, another error is already being returned.
            let _ = thread.join();
        }
    }
}
