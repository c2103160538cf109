//! Pages of open flows. The public side requests them, and the thread of a source fills them.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;

use crate::flow::Flow;

/// Largest number of flows in a page: less than a millisecond of the thread's time.
const MOST_FLOWS: usize = 4096;
/// Largest number of slots read for a page, so that an empty table takes no longer.
const MOST_SLOTS: u32 = 1 << 16;

/// A request for a page.
#[derive(Debug)]
pub(super) struct PageRequest {
    /// The first slot to read.
    pub(super) from: u32,
    /// Memory of the previous page.
    pub(super) flows: Vec<Flow>,
    pub(super) answer: oneshot::Sender<Page>,
}

/// A filled page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) flows: Vec<Flow>,
    /// The first slot of the next page, if there is one.
    pub(super) next: Option<u32>,
}

impl PageRequest {
    /// Fills the page from the first `used` slots. `open` returns the flow in a slot.
    pub(super) fn fill(self, used: u32, mut open: impl FnMut(u32) -> Option<Flow>) -> Filled {
        let Self {
            from,
            mut flows,
            answer,
        } = self;
        flows.clear();
        let end = used.min(from.saturating_add(MOST_SLOTS));
        let mut slot = from;
        while slot < end && flows.len() < MOST_FLOWS {
            flows.extend(open(slot));
            slot += 1;
        }
        let next = (slot < used).then_some(slot);
        let page = Page { flows, next };
        Filled { page, answer }
    }
}

/// A page that is not sent yet.
#[derive(Debug)]
#[must_use]
pub(super) struct Filled {
    page: Page,
    answer: oneshot::Sender<Page>,
}

impl Filled {
    /// Sends the page. This may run the caller's code: no lock may be held.
    pub(super) fn send(self) {
        // The caller may have dropped its future.
        let _ = self.answer.send(self.page);
    }
}

/// Requests that are not filled yet; `None` when no thread fills pages any more.
#[derive(Debug)]
pub(super) struct Pages(Mutex<Option<VecDeque<PageRequest>>>);

impl Pages {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }

    /// Requests a page. If no thread fills pages any more, the request is dropped, and so is its answer.
    pub(super) fn ask(&self, request: PageRequest) {
        if let Some(requests) = &mut *self.lock() {
            requests.push_back(request);
        }
    }

    /// Returns the requests so far. A request that arrives while they are filled waits for other work; otherwise a
    /// sequence of snapshots would keep the thread from its work.
    pub(super) fn take(&self) -> VecDeque<PageRequest> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Stops filling pages. Dropping the requests tells their callers.
    pub(super) fn end(&self) {
        let unfilled = self.lock().take();
        drop(unfilled);
    }

    /// A panic in another thread leaves the queue valid, because every change is one call.
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<PageRequest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
