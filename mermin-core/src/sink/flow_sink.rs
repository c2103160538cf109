//! The trait [`FlowSink`].

use std::error::Error;

use super::Meter;
use crate::flow::Flow;

/// An error of a sink. A [`Refusal`](super::Refusal) inside it decides if and when the batch is retried.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Exports records. The [module](super) has the contract.
///
/// ```
/// use mermin_core::{Flow, sink::{BoxError, FlowSink}};
///
/// struct Printer;
///
/// impl FlowSink for Printer {
///     async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
///         flows.iter().for_each(|flow| println!("{flow}"));
///         Ok(())
///     }
/// }
/// ```
pub trait FlowSink: Send {
    /// Exports these records, at least one. `Ok` means that all of them are delivered.
    ///
    /// # Errors
    /// Any error of the sink. The caller keeps the records, and may export them again.
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Work between two exports, for example emptying a buffer or sending templates again after some time. While the caller
    /// waits for records, it polls the future. When records arrive, it drops the future. Ready means that no work is left
    /// until the next export. Default: ready at once.
    fn idle(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Delivers the records that the sink still holds, and releases its resources. The caller may call it again, also
    /// after an error or a dropped call. Default: nothing.
    ///
    /// # Errors
    /// Any error of the sink. The records that it held may be lost.
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Counts of exported records, readable from any thread. Default: none.
    fn meter(&self) -> Option<Meter> {
        None
    }

    /// Number of records in the sink's memory. A record counts once for each receiver that does not have it. Default:
    /// those that the sink's meter counts as waiting and not in progress, or 0 without a meter.
    fn waiting(&self) -> u64 {
        self.meter().map_or(0, |meter| {
            let stats = meter.stats();
            stats.waiting - stats.in_progress
        })
    }
}

impl<S: FlowSink + ?Sized> FlowSink for &mut S {
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send {
        (**self).export(flows)
    }

    fn idle(&mut self) -> impl Future<Output = ()> + Send {
        (**self).idle()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        (**self).close()
    }

    fn meter(&self) -> Option<Meter> {
        (**self).meter()
    }

    fn waiting(&self) -> u64 {
        (**self).waiting()
    }
}
