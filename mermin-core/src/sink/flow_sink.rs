//! The trait.

use std::error::Error;

use super::Meter;
use crate::flow::Flow;

/// An error of a sink. [`Refusal`](super::Refusal) inside says whether trying again makes sense.
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
    /// Exports these records, at least one. `Ok` says that all of them are delivered.
    ///
    /// # Errors
    /// Whatever the sink says. The caller still has the records, and may give them again.
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Work between two exports: a buffer that empties itself, templates that are sent again by time. The caller polls it
    /// while it waits for records and drops it when some come. Ready means that there is nothing to do until the next
    /// export. Default: ready at once.
    fn idle(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Delivers what the sink still holds and releases what it has open. May be called again, also after an error or a
    /// dropped call. Default: nothing.
    ///
    /// # Errors
    /// Whatever the sink says; what it held may be lost then.
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Where to read how exporting goes, from any thread. Default: none.
    fn meter(&self) -> Option<Meter> {
        None
    }

    /// Records that are in the sink's memory, counted for each receiver that does not have them. Default: those that wait by
    /// its meter.
    fn waiting(&self) -> u64 {
        self.meter().map_or(0, |meter| meter.stats().waiting)
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
