//! The capture thread: it alone touches the kernel, so that no executor is ever blocked.

mod change;
mod closing;
mod due;
mod interfaces;
mod open;
mod pinned;
mod preflight;
mod register;
#[cfg(feature = "test-util")]
pub(super) mod rig;
mod shared;
mod stand_in;
mod sweep;
mod withhold;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
pub(super) use self::open::epoch;
pub(super) use self::{
    interfaces::NOTIFICATIONS, open::Opened, pinned::Receipt, preflight::preflight,
};
use self::{open::Capture, pinned::Kept, sweep::Emptied};
use super::{control::Control, options::Options, queue::Queue};
use crate::{
    bpf::clock::monotonic,
    error::{Error, ErrorKind},
    iface::select::Selector,
};

/// Time from one sweep to the next.
const PERIOD: Duration = Duration::from_millis(100);

/// What the thread is started with.
pub(super) struct Job {
    pub(super) options: Options,
    pub(super) selector: Selector,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
}

/// Says that nothing is attached, however the thread ends.
struct SayDetached(Arc<Control>);

impl Drop for SayDetached {
    fn drop(&mut self) {
        self.0.detached();
    }
}

impl Job {
    /// Opens, answers, captures until closed. A panic ends the stream with an error, and detaches on its way.
    pub(super) fn run(self, answer: oneshot::Sender<Result<Opened, Error>>) {
        let _say = SayDetached(Arc::clone(&self.control));
        let queue = Arc::clone(&self.queue);
        guard(&queue, || self.capture(answer));
    }

    fn capture(self, answer: oneshot::Sender<Result<Opened, Error>>) -> Result<(), Error> {
        let control = Arc::clone(&self.control);
        match Capture::open(self) {
            Ok((capture, opened)) => match answer.send(Ok(opened)) {
                Ok(()) => capture.run(),
                // Whoever opened it has gone: dropping the capture detaches.
                Err(_) => Ok(()),
            },
            Err(error) => {
                // Nothing was attached, or what was has been dropped by now.
                control.detached();
                // Whoever opened it may have gone.
                let _ = answer.send(Err(error));
                Ok(())
            }
        }
    }
}

/// Runs the thread's work so that the stream ends however it ends.
pub(super) fn guard(queue: &Queue, work: impl FnOnce() -> Result<(), Error>) {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Error::new(
            ErrorKind::Panicked,
            format!(
                "cannot go on capturing: its thread panicked: {}",
                said(&*panic)
            ),
        )
        .with_remedy("report it as a defect; nothing is attached any more"))
    });
    queue.end(result);
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing")
}

impl Capture {
    /// Captures until closed or abandoned.
    fn run(mut self) -> Result<(), Error> {
        if let Some(kept) = &mut self.kept {
            kept.begin();
        }
        while !self.control.is_closing() && !self.interfaces.is_over() {
            if self.control.is_abandoned() {
                self.abandon();
                return Ok(());
            }
            self.serve();
            self.turn()?;
            self.answer();
        }
        if self.kept.as_ref().is_some_and(Kept::persists) && !self.interfaces.is_over() {
            return self.leave_to_next();
        }
        self.detach();
        self.drain()?;
        if let Some(kept) = &mut self.kept {
            kept.close();
        }
        self.interfaces.end()
    }

    /// Nobody takes records any more, or nobody ever did.
    fn abandon(&mut self) {
        let declined = self.control.is_declined();
        match &mut self.kept {
            Some(kept) if declined => kept.decline(),
            Some(kept) => kept.close(),
            None => {}
        }
    }

    /// Gives the records that were made, and leaves everything else to the next process.
    fn leave_to_next(&mut self) -> Result<(), Error> {
        self.finish_all()?;
        self.deliver();
        if let Some(kept) = &mut self.kept {
            kept.close();
        }
        Ok(())
    }

    /// A sweep if one is due, one piece of work with interfaces if there is any, and a wait if there is not: so neither waits
    /// for the other longer than one piece of it takes.
    fn turn(&mut self) -> Result<(), Error> {
        let now = monotonic();
        if now >= self.sweep_at {
            self.round(now)?;
        }
        self.tend(now);
        let now = monotonic();
        let sweep = Duration::from_nanos(self.sweep_at.saturating_sub(now));
        let patience = sweep.min(self.interfaces.patience(now));
        if self.control.wait_for(patience, self.interfaces.events()) {
            self.sweep_at = 0;
        }
        Ok(())
    }

    /// One sweep and what belongs to it, at `now` (monotonic ns).
    fn round(&mut self, now: u64) -> Result<(), Error> {
        self.finish_closed()?;
        self.settle()?;
        self.listen();
        self.sweep(now)?;
        self.deliver();
        let took = Duration::from_nanos(monotonic().saturating_sub(now));
        self.shared.swept(took);
        // A table so large that a sweep takes long is swept less often, so that this thread stays below a fifth.
        let pause = PERIOD.max(took * 4);
        self.sweep_at = now.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Delivers every flow that is still open, as fast as the consumer takes them.
    fn drain(&mut self) -> Result<(), Error> {
        self.wait_out()?;
        loop {
            if self.control.is_abandoned() {
                return Ok(());
            }
            self.settle()?;
            let emptied = self.empty()?;
            self.deliver();
            let settled = self.kept.as_ref().is_none_or(Kept::is_settled);
            if settled && matches!(emptied, Emptied::Everything) {
                return Ok(());
            }
            self.control.wait(PERIOD);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn a_panic_in_the_capture_thread_ends_the_stream_with_an_error() {
        let queue = Queue::default();
        guard(&queue, || panic!("number {}", 7));
        let mut flows = VecDeque::new();
        let Poll::Ready(Some(Err(error))) =
            queue.take(&Context::from_waker(Waker::noop()), &mut flows)
        else {
            panic!("the stream must end with an error");
        };
        assert_eq!(error.kind(), ErrorKind::Panicked);
        assert!(error.to_string().ends_with("number 7"), "{error}");
    }
}
