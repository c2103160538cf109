//! Browsers that look at the page.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use hyper::body::Bytes;
use mermin_prometheus::Metric;
use tokio::sync::{Notify, mpsc};

use crate::lock::lock;

/// Largest number of browsers that look at the same time.
pub(super) const MOST: usize = 16;
/// Messages that wait for a browser, besides those in the kernel's buffer, before it is disconnected.
const WAITING: usize = 4;

/// Browsers that look at the page. Clones are the same browsers.
#[derive(Clone, Default)]
pub(crate) struct Visits(Arc<Shared>);

#[derive(Default)]
struct Shared {
    present: Mutex<Vec<Visitor>>,
    arrived: Notify,
    refused: AtomicU64,
    slow: AtomicU64,
}

struct Visitor {
    messages: mpsc::Sender<Bytes>,
    /// Ends its connection.
    cut: Arc<Notify>,
}

impl Visits {
    /// Lets a browser in, whose connection ends when `cut` is notified. Returns its messages, or `None` if there are [`MOST`].
    pub(super) fn enter(&self, cut: Arc<Notify>) -> Option<mpsc::Receiver<Bytes>> {
        let (messages, received) = mpsc::channel(WAITING);
        let mut present = lock(&self.0.present);
        present.retain(|it| !it.messages.is_closed());
        if present.len() >= MOST {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        present.push(Visitor { messages, cut });
        self.0.arrived.notify_one();
        Some(received)
    }

    /// Waits until somebody looks.
    pub(super) async fn arrived(&self) {
        while !self.is_watched() {
            self.0.arrived.notified().await;
        }
    }

    /// Returns true if somebody looks.
    pub(super) fn is_watched(&self) -> bool {
        let present = lock(&self.0.present);
        present.iter().any(|it| !it.messages.is_closed())
    }

    /// Sends a message to everybody. A browser that has not read the messages before is disconnected: it comes back by itself, and
    /// a frame shows the present alone, so it missed nothing.
    pub(super) fn send(&self, message: &Bytes) {
        lock(&self.0.present).retain(|visitor| match visitor.messages.try_send(message.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.0.slow.fetch_add(1, Ordering::Relaxed);
                visitor.cut.notify_one();
                false
            }
        });
    }

    /// Returns the metrics of this moment.
    pub(crate) fn metrics(&self) -> [Metric; 3] {
        const NONE: [(&str, &str); 0] = [];
        let present = lock(&self.0.present);
        let count = present.iter().filter(|it| !it.messages.is_closed()).count();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            Metric::gauge(
                "mermin_agent_page_browsers",
                "Browsers that look at the page of live flows",
            )
            .sample(NONE, count as u64),
            Metric::counter(
                "mermin_agent_page_refused_browsers",
                "Times that a browser found no room on the page of live flows; it asks again every three seconds",
            )
            .sample(NONE, read(&self.0.refused)),
            Metric::counter(
                "mermin_agent_page_slow_browsers",
                "Browsers that were disconnected because they did not read what they got",
            )
            .sample(NONE, read(&self.0.slow)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn message() -> Bytes {
        Bytes::from_static(b"data: {}\n\n")
    }

    #[test]
    fn slow_browser_is_cut_and_counted() {
        let visits = Visits::default();
        let (slow, quick) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let _unread = visits.enter(Arc::clone(&slow)).unwrap();
        let mut read = visits.enter(Arc::clone(&quick)).unwrap();
        for _ in 0..=WAITING {
            visits.send(&message());
            assert_eq!(read.try_recv().unwrap(), message());
        }
        assert!(slow.notified().now_or_never().is_some());
        assert!(quick.notified().now_or_never().is_none());
        assert_eq!(visits.0.slow.load(Ordering::Relaxed), 1);
        assert_eq!(lock(&visits.0.present).len(), 1);
    }

    #[test]
    fn number_of_browsers_is_limited_and_those_that_left_make_room() {
        let visits = Visits::default();
        let enter = || visits.enter(Arc::default());
        let mut inside: Vec<_> = (0..MOST).map(|_| enter().unwrap()).collect();
        assert!(enter().is_none());
        assert_eq!(visits.0.refused.load(Ordering::Relaxed), 1);
        inside.pop();
        inside.push(enter().unwrap());
        assert!(visits.arrived().now_or_never().is_some());
        drop(inside);
        assert!(!visits.is_watched());
        assert!(visits.arrived().now_or_never().is_none());
        assert_eq!(visits.0.slow.load(Ordering::Relaxed), 0);
    }
}
