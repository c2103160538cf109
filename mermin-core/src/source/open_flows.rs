//! Snapshots of the open flows, one page at a time.

use std::{fmt, sync::Arc};

use futures_channel::oneshot;

use super::{
    control::Control,
    pages::{Page, PageRequest},
};
use crate::flow::Flow;

/// A snapshot of the open flows, see [`Handle::open_flows`](super::Handle::open_flows).
///
/// Dropping it ends it. Any number of snapshots can exist at a time, in any threads.
#[must_use = "nothing is read before `next_page` is called"]
pub struct OpenFlows {
    control: Arc<Control>,
    /// The first slot of the next page; `None` after the last page.
    next: Option<u32>,
    page: Vec<Flow>,
    asked: Option<oneshot::Receiver<Page>>,
}

impl OpenFlows {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            next: Some(0),
            page: Vec::new(),
            asked: None,
        }
    }

    /// Returns the next flows, at most 4,096. `None` after the last ones, when the source has ended, and in a forked
    /// child. Dropping the future loses nothing: the next call returns the same page.
    pub async fn next_page(&mut self) -> Option<&[Flow]> {
        self.page.clear();
        while self.page.is_empty() {
            let answer = self.ask()?.await;
            self.asked = None;
            let Ok(page) = answer else {
                self.next = None;
                return None;
            };
            self.page = page.flows;
            self.next = page.next;
        }
        Some(&self.page)
    }

    /// Requests the next page, unless a request is pending.
    fn ask(&mut self) -> Option<&mut oneshot::Receiver<Page>> {
        if self.control.is_inherited() {
            return None;
        }
        if self.asked.is_none() {
            let (answer, asked) = oneshot::channel();
            self.control.ask_page(PageRequest {
                from: self.next?,
                flows: std::mem::take(&mut self.page),
                answer,
            });
            self.asked = Some(asked);
        }
        self.asked.as_mut()
    }
}

impl fmt::Debug for OpenFlows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFlows").finish_non_exhaustive()
    }
}

const _: () = {
    const fn check<T: Send + Sync + Unpin>() {}
    check::<OpenFlows>();
};

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, executor::block_on};

    use super::*;
    use crate::flow::example::plain;

    /// Fills the requested page from this many slots; every third slot has a flow.
    fn fill(control: &Control, used: u32) {
        for request in control.page_requests() {
            let filled = request.fill(used, |slot| {
                slot.is_multiple_of(3).then(|| {
                    let mut flow = plain();
                    flow.sequence = u64::from(slot);
                    flow
                })
            });
            filled.send();
        }
    }

    #[test]
    fn pages_have_each_flow_once_and_a_dropped_future_costs_none() {
        const USED: u32 = 300_001;
        let control = Arc::new(Control::new().unwrap());
        let mut open = OpenFlows::new(Arc::clone(&control));
        let mut found = Vec::new();
        loop {
            assert!(
                open.next_page().now_or_never().is_none(),
                "nobody has filled it"
            );
            fill(&control, USED);
            let Some(page) = open.next_page().now_or_never().unwrap() else {
                break;
            };
            assert!((1..=4096).contains(&page.len()));
            found.extend(page.iter().map(|flow| flow.sequence));
            if open.next.is_none() {
                break;
            }
        }
        let expected: Vec<u64> = (0..u64::from(USED)).step_by(3).collect();
        assert_eq!(found, expected);
        assert!(block_on(open.next_page()).is_none());
    }

    #[test]
    fn empty_range_is_skipped_without_ending_the_snapshot() {
        let control = Arc::new(Control::new().unwrap());
        let mut open = OpenFlows::new(Arc::clone(&control));
        let mut asked = 0;
        let flow = loop {
            if let Some(page) = open.next_page().now_or_never() {
                break page.unwrap()[0].sequence;
            }
            let request = control.page_requests().pop_front().unwrap();
            request
                .fill(200_000, |slot| (slot == 199_999).then(plain))
                .send();
            asked += 1;
        };
        assert_eq!((flow, asked), (plain().sequence, 4));
    }

    #[test]
    fn snapshot_ends_with_the_source() {
        let control = Arc::new(Control::new().unwrap());
        let mut asked = OpenFlows::new(Arc::clone(&control));
        assert!(asked.next_page().now_or_never().is_none());
        control.end();
        assert!(block_on(asked.next_page()).is_none());
        assert!(block_on(OpenFlows::new(control).next_page()).is_none());
    }

    #[test]
    fn page_requested_during_filling_waits_for_the_next_turn() {
        let control = Arc::new(Control::new().unwrap());
        let mut snapshots = [(); 2].map(|()| OpenFlows::new(Arc::clone(&control)));
        for open in &mut snapshots {
            assert!(open.next_page().now_or_never().is_none());
        }
        let mut filled = 0;
        for request in control.page_requests() {
            request.fill(100_000, |_| Some(plain())).send();
            filled += 1;
            // Both snapshots continue as soon as they can.
            for open in &mut snapshots {
                while open.next_page().now_or_never().is_some() {}
            }
        }
        assert_eq!(filled, 2);
        assert_eq!(control.page_requests().len(), 2);
    }
}
