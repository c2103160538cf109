//! Pages of open flows: asked for by the public side, filled by the thread of a source.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;

use crate::flow::Flow;

/// Flows of a page at most: less than a millisecond of the thread's time.
const MOST_FLOWS: usize = 4096;
/// Slots that are looked at for a page at most, so that an empty table takes no longer.
const MOST_SLOTS: u32 = 1 << 16;

/// A page that is asked for.
#[derive(Debug)]
pub(super) struct PageRequest {
    /// The first slot to look at.
    pub(super) from: u32,
    /// Memory of the page before.
    pub(super) flows: Vec<Flow>,
    pub(super) answer: oneshot::Sender<Page>,
}

/// A page that is filled.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) flows: Vec<Flow>,
    /// The first slot of the next page, if there is one.
    pub(super) next: Option<u32>,
}

impl PageRequest {
    /// Fills the page from the first `used` slots. `open` gives the flow in a slot.
    pub(super) fn fill(self, used: u32, mut open: impl FnMut(u32) -> Option<Flow>) {
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
        // Whoever asked may have gone.
        let _ = answer.send(Page { flows, next });
    }
}

/// Pages that were asked for and not filled; none when nobody fills them any more.
#[derive(Debug)]
pub(super) struct Pages(Mutex<Option<VecDeque<PageRequest>>>);

impl Pages {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }

    /// Asks for a page. One that nobody will fill is dropped, and its answer with it.
    pub(super) fn ask(&self, request: PageRequest) {
        if let Some(requests) = &mut *self.lock() {
            requests.push_back(request);
        }
    }

    /// Those asked for by now. One that is asked for while they are filled waits for other work, or snapshots one behind
    /// the other would keep the thread from it.
    pub(super) fn take(&self) -> VecDeque<PageRequest> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// No page is filled any more, which whoever asked for one learns.
    pub(super) fn end(&self) {
        let unfilled = self.lock().take();
        drop(unfilled);
    }

    /// A panic in another thread leaves the queue whole: every change is one call.
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<PageRequest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
