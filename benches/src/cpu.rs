//! Where threads run.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// CPUs that this process may use.
///
/// # Errors
/// The kernel's.
pub fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect())
}

/// Keeps the calling thread, and those it starts from now on, on one CPU.
///
/// # Errors
/// The kernel's.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// A thread on its own CPU that does the same thing until it is dropped.
#[derive(Debug)]
pub struct Busy {
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Busy {
    /// Starts it and waits until it has done its first turn.
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

    /// Stops it; how often it did its thing.
    ///
    /// # Errors
    /// What stopped it before.
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
            // Its error belongs to `stop`; here another one is on its way already.
            let _ = thread.join();
        }
    }
}
