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
    source::{control::Control, queue::Queue},
};

/// Starts when the source is closed, or ends by itself.
pub(super) struct Deadline {
    control: Arc<Control>,
    queue: Arc<Queue>,
    timer: Arc<dyn Timer>,
    time: Duration,
    running: Option<Sleep>,
    over: bool,
    /// Somebody closed the source, so the limit is one for all that is left.
    closing: bool,
}

impl Deadline {
    pub(super) fn new(
        control: Arc<Control>,
        queue: Arc<Queue>,
        timer: Arc<dyn Timer>,
        time: Duration,
    ) -> Self {
        Self {
            control,
            queue,
            timer,
            time,
            running: None,
            over: false,
            closing: false,
        }
    }

    /// Starts the limit anew after a delivery, unless the source was closed.
    pub(super) fn progressed(&mut self) {
        if !self.closing {
            self.running = None;
        }
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.running.is_none() {
            self.closing = self.control.poll_closing(context);
            // The queue of a forked child is a copy, and may be locked for ever.
            if self.closing || self.control.is_inherited() || self.queue.poll_ended(context) {
                self.running = Some(self.timer.sleep(self.time));
            }
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

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::sink::ThreadTimer;

    #[test]
    fn deliveries_share_the_time_once_the_source_is_closed() {
        for (closed, most) in [(false, 4), (true, 3)] {
            let (control, queue) = (Arc::new(Control::new().unwrap()), Arc::<Queue>::default());
            if closed {
                control.close();
            }
            queue.end(Ok(()));
            let timer = Arc::new(ThreadTimer::default());
            let limit = Duration::from_millis(600);
            let mut deadline = Deadline::new(control, queue, Arc::clone(&timer) as _, limit);
            let mut deliver = || {
                let work = timer.sleep(Duration::from_millis(170));
                let result = block_on(deadline.limit(work));
                deadline.progressed();
                result.is_some()
            };
            let delivered = (0..4).take_while(|_| deliver()).count();
            assert!(delivered <= most && delivered > 0, "{closed}: {delivered}");
            assert!(closed || delivered == most);
        }
    }
}
