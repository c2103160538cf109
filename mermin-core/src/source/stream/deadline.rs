//! The time limit of closing.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    sink::{Sleep, Timer},
    source::control::Control,
};

/// Starts when the source is closed.
pub(super) struct Deadline {
    control: Arc<Control>,
    timer: Arc<dyn Timer>,
    time: Duration,
    running: Option<Sleep>,
    over: bool,
}

impl Deadline {
    pub(super) fn new(control: Arc<Control>, timer: Arc<dyn Timer>, time: Duration) -> Self {
        Self {
            control,
            timer,
            time,
            running: None,
            over: false,
        }
    }

    /// Starts the limit, if it has not started yet. The caller needs this when the source has ended by itself.
    pub(super) fn begin(&mut self) {
        self.running
            .get_or_insert_with(|| self.timer.sleep(self.time));
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.running.is_none() && self.control.poll_closing(context) {
            self.begin();
        }
        if let Some(running) = &mut self.running
            && !self.over
        {
            self.over = running.as_mut().poll(context).is_ready();
        }
        self.over
    }

    /// Returns the result of the work; `None` if the time is over before.
    pub(super) async fn limit<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                Poll::Ready(Some(output))
            } else if self.is_over(context) {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        })
        .await
    }
}
