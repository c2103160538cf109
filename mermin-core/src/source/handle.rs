//! A source's statistics, from any thread.

use std::{fmt, sync::Arc};

use super::control::Control;
#[cfg(feature = "test-util")]
use crate::bpf::object::Programs;
use crate::report::{Report, Stats};

/// What statistics are read from, while a thread goes on counting and after it has ended.
pub(super) trait Counters: fmt::Debug + Send + Sync {
    /// All counters as of now.
    fn stats(&self) -> Stats;

    /// What is in force now.
    fn report(&self) -> Report;

    /// The kernel program, where there is one.
    #[cfg(feature = "test-util")]
    fn programs(&self) -> Option<&Arc<Programs>> {
        None
    }
}

/// Reads a source's statistics and can close it. Keeps the kernel's counters readable after the source has ended.
#[derive(Clone, Debug)]
pub struct Handle {
    control: Arc<Control>,
    shared: Arc<dyn Counters>,
}

impl Handle {
    pub(super) fn new(control: Arc<Control>, shared: Arc<dyn Counters>) -> Self {
        Self { control, shared }
    }

    /// Counters as of now. No system call: they are read from memory shared with the kernel program, or with the thread
    /// that reads a capture file.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// What the source does now, and what is given up: interfaces come and go.
    #[must_use]
    pub fn report(&self) -> Report {
        self.shared.report()
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn programs(&self) -> Option<&Arc<Programs>> {
        self.shared.programs()
    }

    /// As [`FlowSource::close`](super::FlowSource::close).
    pub fn close(&self) {
        self.control.close();
    }
}

const _: () = {
    const fn check<T: Send + Sync>() {}
    check::<Handle>();
};
