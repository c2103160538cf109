//! Code that live capture and capture files share: the parts of an opened source, its counters, and the result of its thread, also
//! after a panic.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{acknowledge::Acknowledge, queue::Queue};
#[cfg(feature = "__lab")]
use crate::bpf::loaded::Programs;
use crate::{
    error::{Error, ErrorKind},
    report::{Report, Stats},
};

/// The parts of an opened source that `FlowSource` and `Handle` hold.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) shared: Arc<dyn Counters>,
    /// Stores acknowledgements; `None` if the source is not pinned.
    pub(super) receipt: Option<Box<dyn Acknowledge>>,
}

/// Statistics that stay readable while a thread counts and after it has ended.
pub(super) trait Counters: fmt::Debug + Send + Sync {
    /// Returns all counters as of now.
    fn stats(&self) -> Stats;

    /// Returns the present state and degradations.
    fn report(&self) -> Report;

    /// Returns the kernel program, if there is one.
    #[cfg(feature = "__lab")]
    fn programs(&self) -> Option<&Arc<Programs>> {
        None
    }
}

/// Returns a random number that makes the ids of two sources differ.
pub(super) fn epoch() -> Result<u64, Error> {
    let mut octets = [0; 8];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty()).map_err(
        |error| Error::new(ErrorKind::System, "cannot draw a random number").with_source(error),
    )?;
    Ok(u64::from_ne_bytes(octets))
}

/// Runs the thread's work. The stream ends even if the work panics.
pub(super) fn guard(queue: &Queue, work: impl FnOnce() -> Result<(), Error>) {
    queue.end(caught("go on capturing", work));
}

/// Runs a thread's work. A panic becomes an error with the panic's text: `cannot <task>: ..`.
pub(super) fn caught<T>(task: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = format!(
            "cannot {task}: its thread panicked: {}",
            panic_message(&*panic)
        );
        Err(Error::new(ErrorKind::Panicked, message).with_remedy("report it as a defect"))
    })
}

/// Returns the message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn panic_in_the_capture_thread_ends_the_stream_with_an_error() {
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

    #[test]
    fn error_of_a_thread_that_panics_before_it_answers_has_the_text() {
        let task = "open the source";
        let error = caught::<()>(task, || panic!("number {}", 7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked);
        let expected = "cannot open the source: its thread panicked: number 7";
        assert_eq!(error.to_string(), expected);
        assert_eq!(caught(task, || Ok(7)).unwrap(), 7);
    }
}
