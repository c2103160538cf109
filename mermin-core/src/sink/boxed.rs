//! A sink of any type.

use std::{fmt, pin::Pin};

use super::{BoxError, FlowSink, Meter};
use crate::flow::Flow;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`FlowSink`] with methods that a trait object can have.
trait DynSink: Send {
    fn export<'a>(&'a mut self, flows: &'a [Flow]) -> Boxed<'a, Result<(), BoxError>>;
    fn idle(&mut self) -> Boxed<'_, ()>;
    fn close(&mut self) -> Boxed<'_, Result<(), BoxError>>;
    fn meter(&self) -> Option<Meter>;
    fn waiting(&self) -> u64;
}

impl<S: FlowSink> DynSink for S {
    fn export<'a>(&'a mut self, flows: &'a [Flow]) -> Boxed<'a, Result<(), BoxError>> {
        Box::pin(FlowSink::export(self, flows))
    }

    fn idle(&mut self) -> Boxed<'_, ()> {
        Box::pin(FlowSink::idle(self))
    }

    fn close(&mut self) -> Boxed<'_, Result<(), BoxError>> {
        Box::pin(FlowSink::close(self))
    }

    fn meter(&self) -> Option<Meter> {
        FlowSink::meter(self)
    }

    fn waiting(&self) -> u64 {
        FlowSink::waiting(self)
    }
}

/// A sink of any type. A `Vec<BoxSink>` holds sinks that a configuration names. Each call allocates once.
pub struct BoxSink(Box<dyn DynSink>);

impl BoxSink {
    /// Boxes a sink.
    #[must_use]
    pub fn new(sink: impl FlowSink + 'static) -> Self {
        Self(Box::new(sink))
    }
}

impl FlowSink for BoxSink {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.0.export(flows).await
    }

    async fn idle(&mut self) {
        self.0.idle().await;
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }

    fn meter(&self) -> Option<Meter> {
        self.0.meter()
    }

    fn waiting(&self) -> u64 {
        self.0.waiting()
    }
}

impl fmt::Debug for BoxSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxSink").finish_non_exhaustive()
    }
}
