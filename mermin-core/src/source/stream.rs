//! The stream of flows.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use super::{
    builder::FlowSourceBuilder,
    capture::{Opened, Receipt},
    control::Control,
    handle::Handle,
    queue::Queue,
};
use crate::{
    error::Error,
    flow::{Flow, FlowId},
    report::Report,
    table::record::slot_of,
};

/// Flows of this host, as a stream for any runtime.
///
/// Each item is one record, see [`Flow`]. The future of one `next` may be dropped at any time, as `select!` does: no record
/// is lost by it. An `Err` is the last item.
///
/// [`FlowSource::close`] stops capturing; what was open is then delivered, and the stream ends. What that
/// cuts short has [`ForcedEnd`](crate::flow::EndReason::ForcedEnd). Dropping the source detaches its programs before it
/// returns; what was not delivered is gone. Of a source with [`Pinning`](crate::Pinning), a record has arrived when the
/// one after it is asked for, and [`Pinning::persist`](crate::Pinning::persist) says what closing and dropping leave.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct FlowSource {
    queue: Arc<Queue>,
    control: Arc<Control>,
    handle: Handle,
    batch: VecDeque<Flow>,
    ended: bool,
    /// Of a pinned source, until it has ended.
    receipt: Option<Receipt>,
    /// The record that was given last.
    given: Option<FlowId>,
}

impl FlowSource {
    /// Options to open a source with.
    pub fn builder() -> FlowSourceBuilder {
        FlowSourceBuilder::default()
    }

    pub(super) fn new(queue: Arc<Queue>, control: Arc<Control>, opened: Opened) -> Self {
        let handle = Handle::new(Arc::clone(&control), opened.shared);
        Self {
            queue,
            control,
            handle,
            batch: VecDeque::new(),
            ended: false,
            receipt: opened.receipt,
            given: None,
        }
    }

    /// Who asks for another record has the one before.
    fn acknowledge(&mut self) {
        if let (Some(receipt), Some(given)) = (&self.receipt, self.given.take()) {
            receipt.acknowledge(slot_of(given));
            if self.control.is_closing() {
                // The last ones are waited for.
                self.control.wake();
            }
        }
    }

    /// Stops capturing and returns at once. Polling to the end then delivers every flow that was open. May be called
    /// again.
    pub fn close(&mut self) {
        self.control.close();
    }

    /// What the source does now, and what is given up: interfaces come and go.
    #[must_use]
    pub fn report(&self) -> Report {
        self.handle.report()
    }

    /// For other threads and tasks: [statistics](Handle::stats), [`report`](Handle::report),
    /// [`reconfigure`](Handle::reconfigure), [`close`](Handle::close).
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Stream for FlowSource {
    type Item = Result<Flow, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.acknowledge();
        loop {
            if let Some(flow) = this.batch.pop_front() {
                this.given = this.receipt.is_some().then_some(flow.id);
                return Poll::Ready(Some(Ok(flow)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(this.queue.take(context, &mut this.batch)) {
                Some(Ok(taken)) => {
                    if taken.wanted {
                        this.control.wake();
                    }
                }
                Some(Err(error)) => {
                    this.ended = true;
                    this.receipt = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    this.receipt = None;
                }
            }
        }
    }
}

impl FusedStream for FlowSource {
    fn is_terminated(&self) -> bool {
        self.ended && self.batch.is_empty()
    }
}

impl Drop for FlowSource {
    fn drop(&mut self) {
        self.control.abandon();
    }
}

const _: () = {
    const fn check<T: Send + Unpin>() {}
    check::<FlowSource>();
};
