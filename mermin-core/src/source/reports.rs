//! A stream of changed reports.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use super::{changes::Seen, control::Control, engine::Counters};
use crate::report::Report;

/// The reports of a source: the present one at the first poll, and one after each change. See
/// [`Handle::reports`](super::Handle::reports).
///
/// Ends with the source, and at once in a forked child. Several changes between two polls give one report.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Reports {
    control: Arc<Control>,
    shared: Arc<dyn Counters>,
    seen: Seen,
    last: Option<Report>,
    ended: bool,
}

impl Reports {
    pub(super) fn new(control: Arc<Control>, shared: Arc<dyn Counters>) -> Self {
        let seen = if control.is_inherited() {
            Seen::default()
        } else {
            control.changes().begin()
        };
        Self {
            control,
            shared,
            seen,
            last: None,
            ended: false,
        }
    }
}

impl Stream for Reports {
    type Item = Report;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Report>> {
        let this = self.get_mut();
        this.ended |= this.control.is_inherited();
        while !this.ended {
            if !ready!(this.control.changes().poll(&mut this.seen, context)) {
                this.ended = true;
                break;
            }
            let report = this.shared.report();
            // Most checks of the hooks change nothing.
            if this.last.as_ref() != Some(&report) {
                this.last = Some(report.clone());
                return Poll::Ready(Some(report));
            }
        }
        Poll::Ready(None)
    }
}

impl FusedStream for Reports {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        if !self.control.is_inherited() {
            self.control.changes().leave(&self.seen);
        }
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}

const _: () = {
    const fn check<T: Send + Sync + Unpin>() {}
    check::<Reports>();
};
