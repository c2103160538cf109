//! A function as a sink.

use std::fmt;

use super::{BoxError, FlowSink};
use crate::flow::Flow;

/// A sink that calls a function for each batch. The function encodes the records and returns a future that sends them.
/// The future cannot borrow the records.
///
/// ```
/// use mermin_core::sink::{BoxError, from_fn};
///
/// # async fn send(body: String) -> Result<(), BoxError> { Ok(()) }
/// let sink = from_fn(|flows| {
///     let body: String = flows.iter().map(|flow| format!("{flow}\n")).collect();
///     async move { send(body).await }
/// });
/// # async fn run(mut source: mermin_core::FlowSource, sink: impl mermin_core::sink::FlowSink) {
/// # let _ = source.run(sink).await; }
/// # let _ = |source| run(source, sink);
/// ```
pub fn from_fn<F, R, E>(function: F) -> FromFn<F>
where
    F: FnMut(&[Flow]) -> R + Send,
    R: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    FromFn { function }
}

/// See [`from_fn`].
pub struct FromFn<F> {
    function: F,
}

impl<F, R, E> FlowSink for FromFn<F>
where
    F: FnMut(&[Flow]) -> R + Send,
    R: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let sent = (self.function)(flows);
        sent.await.map_err(Into::into)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}
