//! The stream of flows.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use super::{
    builder::FlowSourceBuilder, capture::Opened, control::Control, handle::Handle, queue::Queue,
};
use crate::{error::Error, flow::Flow, report::Report};

/// Flows of this host, as a stream for any runtime.
///
/// An `Err` is the last item. [`FlowSource::close`] stops capturing; what was open is then delivered, and the stream
/// ends. Dropping the source detaches its programs before it returns; what was not delivered is gone.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct FlowSource {
    queue: Arc<Queue>,
    control: Arc<Control>,
    handle: Handle,
    batch: VecDeque<Flow>,
    ended: bool,
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

    /// Statistics and [`close`](Handle::close), from any thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Stream for FlowSource {
    type Item = Result<Flow, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(flow) = this.batch.pop_front() {
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
                    return Poll::Ready(Some(Err(error)));
                }
                None => this.ended = true,
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
