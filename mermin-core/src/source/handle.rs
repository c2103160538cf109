//! A source's statistics, from any thread.

use std::sync::Arc;

use super::{capture::Shared, control::Control};
use crate::report::Stats;

/// Reads a source's statistics and can close it. Keeps the kernel's counters readable after the source has ended.
#[derive(Clone, Debug)]
pub struct Handle {
    control: Arc<Control>,
    shared: Arc<Shared>,
}

impl Handle {
    pub(super) fn new(control: Arc<Control>, shared: Arc<Shared>) -> Self {
        Self { control, shared }
    }

    /// Counters as of now. No system call: they are read from memory shared with the kernel program.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn programs(&self) -> &Arc<crate::bpf::object::Programs> {
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
