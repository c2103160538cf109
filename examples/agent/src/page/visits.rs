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
    present: Mutex<Present>,
    arrived: Notify,
    refused: AtomicU64,
    slow: AtomicU64,
}

#[derive(Default)]
struct Present {
    visitors: Vec<Visitor>,
    /// The latest frame, the event with the whole state of the page, as long as frames are made.
    latest: Option<Bytes>,
}

struct Visitor {
    messages: mpsc::Sender<Bytes>,
    /// Ends its connection.
    cut: Arc<Notify>,
}

impl Present {
    fn looking(&self) -> impl Iterator<Item = &Visitor> {
        self.visitors.iter().filter(|it| !it.messages.is_closed())
    }
}

impl Visits {
    /// Lets a browser in, whose connection ends when `cut` is notified. Returns its messages, or `None` if [`MOST`] browsers look. The
    /// first message is the latest frame, if one is kept: the next one may take long.
    pub(super) fn enter(&self, cut: Arc<Notify>) -> Option<mpsc::Receiver<Bytes>> {
        let (messages, received) = mpsc::channel(WAITING);
        let mut present = lock(&self.0.present);
        present.visitors.retain(|it| !it.messages.is_closed());
        if present.visitors.len() >= MOST {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        if let Some(latest) = &present.latest {
            // There is room in a new channel.
            let _ = messages.try_send(latest.clone());
        }
        present.visitors.push(Visitor { messages, cut });
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
        lock(&self.0.present).looking().next().is_some()
    }

    /// Returns true if somebody looks still. If not, the latest frame is forgotten: it would be old when the next browser arrives.
    pub(super) fn goes_on(&self) -> bool {
        let mut present = lock(&self.0.present);
        let is_watched = present.looking().next().is_some();
        if !is_watched {
            present.latest = None;
        }
        is_watched
    }

    /// Sends a frame to everybody, also to those who arrive before the next one.
    pub(super) fn show(&self, frame: Bytes) {
        let mut present = lock(&self.0.present);
        self.send_to(&mut present.visitors, &frame);
        present.latest = Some(frame);
    }

    /// Sends a message to everybody. A browser with too many unread messages is disconnected. It connects again by itself and
    /// misses nothing, because each frame has the whole present state.
    pub(super) fn send(&self, message: &Bytes) {
        self.send_to(&mut lock(&self.0.present).visitors, message);
    }

    fn send_to(&self, visitors: &mut Vec<Visitor>, message: &Bytes) {
        visitors.retain(|visitor| match visitor.messages.try_send(message.clone()) {
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
        let count = lock(&self.0.present).looking().count();
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
        assert_eq!(lock(&visits.0.present).visitors.len(), 1);
    }

    #[test]
    fn browser_has_the_latest_frame_at_once_while_others_look() {
        let visits = Visits::default();
        let enter = || visits.enter(Arc::default()).unwrap();
        let mut first = enter();
        assert!(first.try_recv().is_err());
        visits.show(message());
        visits.send(&Bytes::from_static(b": waiting\n\n"));
        let mut second = enter();
        assert_eq!(second.try_recv().unwrap(), message());
        assert!(second.try_recv().is_err() && visits.goes_on());
        drop((first, second));
        // The latest frame is still kept.
        assert_eq!(enter().try_recv().unwrap(), message());
        assert!(!visits.goes_on());
        assert!(enter().try_recv().is_err());
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
