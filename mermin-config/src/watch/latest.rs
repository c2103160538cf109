//! The newest item that nobody has taken yet.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::{Error, Loaded};

/// Holds at most one item: a newer one replaces it.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<LatestItem>);

#[derive(Debug, Default)]
struct LatestItem {
    item: Option<Result<Loaded, Error>>,
    waker: Option<Waker>,
    over: bool,
}

impl Latest {
    fn held(&self) -> MutexGuard<'_, LatestItem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut LatestItem)) {
        let mut held = self.held();
        change(&mut held);
        let waker = held.waker.take();
        // Dropping a waker may run foreign code.
        drop(held);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn put(&self, item: Result<Loaded, Error>) {
        self.change(|held| held.item = Some(item));
    }

    /// Ends the stream.
    pub(super) fn end(&self) {
        self.change(|held| held.over = true);
    }

    pub(super) fn is_over(&self) -> bool {
        let held = self.held();
        held.over && held.item.is_none()
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<Loaded, Error>>> {
        let mut held = self.held();
        match held.item.take() {
            Some(item) => Poll::Ready(Some(item)),
            None if held.over => Poll::Ready(None),
            None => {
                held.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
