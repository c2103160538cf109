//! A source that replays records, for tests of a program that uses sources.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    acknowledge::Acknowledge,
    changes::Changes,
    control::Control,
    engine::{Counters, Opened},
    queue::Queue,
    records::Records,
    stream::FlowSource,
};
use crate::{
    error::{Error, ErrorKind},
    flow::{Flow, FlowId},
    report::{Report, Stats},
};

/// A source of given records, to be opened, see [`FlowSource::replay`].
#[must_use = "nothing is given before `open` is called"]
pub struct Replay {
    records: Records,
    shared: Shared,
}

impl FlowSource {
    /// Turns records into a source that needs no kernel, no root and no thread, for tests of your program.
    /// [`Flow::new`] makes records.
    ///
    /// It behaves like a source with [`Pinning`](crate::Pinning): a record is acknowledged when the next one is
    /// polled for, when a sink has taken it, or by hand. The task that polls also calls the iterator, some records
    /// ahead, so the iterator must not block. The source ends with the iterator, or when it is closed.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use futures::executor::block_on;
    /// use mermin_core::{
    ///     FlowSource,
    ///     flow::{Endpoint, Flow, FlowId, Interface, Protocol},
    ///     sink::JsonLines,
    /// };
    ///
    /// /// The program under test.
    /// async fn export(mut source: FlowSource, out: &mut Vec<u8>) -> Result<(), mermin_core::Error> {
    ///     source.run(JsonLines::new(out)).await
    /// }
    ///
    /// let dns = |number: u16| {
    ///     let mut flow = Flow::new(
    ///         FlowId::from_u128(number.into()),
    ///         Protocol::UDP,
    ///         Endpoint::new([10, 0, 0, 1], 40_000 + number),
    ///         Endpoint::new([10, 0, 0, 2], 53),
    ///         Interface::new(2, "eth0"),
    ///         SystemTime::UNIX_EPOCH,
    ///     );
    ///     flow.forward.packets.delta = 1;
    ///     flow
    /// };
    /// let (source, replayed) = FlowSource::replay((0..3).map(dns)).open()?;
    /// let mut out = Vec::new();
    /// block_on(export(source, &mut out))?;
    /// assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), 3);
    /// assert_eq!(replayed.arrived().len(), 3);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn replay<I>(flows: I) -> Replay
    where
        I: IntoIterator<Item = Flow>,
        I::IntoIter: Send + 'static,
    {
        Replay {
            records: Records::new(flows),
            shared: Shared::default(),
        }
    }
}

impl Replay {
    /// Ends the source with this error after the records.
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on};
    /// use mermin_core::{Error, ErrorKind, FlowSource};
    ///
    /// let failure = Error::new(ErrorKind::System, "cannot read the flow table");
    /// let (mut source, _) = FlowSource::replay([]).fail_with(failure).open()?;
    /// let last = block_on(source.next()).unwrap();
    /// assert_eq!(last.unwrap_err().kind(), ErrorKind::System);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fail_with(mut self, error: Error) -> Self {
        self.records.fail_with(error);
        self
    }

    /// Sets the statistics that [`Handle::stats`](crate::Handle::stats) returns. Default: zeros, whatever records are
    /// replayed.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Stats};
    ///
    /// let mut stats = Stats::default();
    /// stats.packets = 90;
    /// let (source, replayed) = FlowSource::replay([]).stats(stats).open()?;
    /// assert_eq!(source.handle().stats().packets, 90);
    ///
    /// replayed.set_stats(Stats::default());
    /// assert_eq!(source.handle().stats().packets, 0);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn stats(self, stats: Stats) -> Self {
        self.shared.lock().stats = stats;
        self
    }

    /// Sets the report that [`Handle::report`](crate::Handle::report) returns. Default: an empty one.
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on};
    /// use mermin_core::{Degradation, FlowSource, Report, report::Feature};
    ///
    /// let mut report = Report::default();
    /// report.degradations.push(Degradation::new(Feature::Tcx, "no TCX", "filters", "behind others", "use Linux 6.6"));
    /// let (source, replayed) = FlowSource::replay([]).report(report).open()?;
    /// let mut reports = source.handle().reports();
    /// assert_eq!(block_on(reports.next()).unwrap().degradations.len(), 1);
    ///
    /// // After an upgrade of the kernel.
    /// replayed.set_report(Report::default());
    /// assert_eq!(block_on(reports.next()), Some(Report::default()));
    /// drop(source);
    /// assert_eq!(block_on(reports.next()), None);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn report(self, report: Report) -> Self {
        self.shared.lock().report = report;
        self
    }

    /// Opens the source; returns it and its other side.
    ///
    /// # Errors
    /// `Exhausted` if no file descriptor is left.
    pub fn open(self) -> Result<(FlowSource, Replayed), Error> {
        let Self { records, shared } = self;
        let control = Control::new().map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot create an event descriptor").with_source(error)
        })?;
        let replayed = Replayed {
            shared: Arc::new(shared),
            changes: Arc::clone(control.changes()),
        };
        let control = Arc::new(control);
        // There is no thread to wait for.
        control.end_without_thread();
        let opened = Opened {
            shared: Arc::clone(&replayed.shared) as _,
            receipt: Some(Box::new(replayed.clone())),
        };
        let queue = Arc::new(Queue::of(records));
        Ok((FlowSource::new(queue, control, opened), replayed))
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

/// The other side of a [replayed](FlowSource::replay) source: returns the ids of acknowledged records, and sets statistics
/// and report.
#[derive(Clone, Debug)]
pub struct Replayed {
    shared: Arc<Shared>,
    changes: Arc<Changes>,
}

impl Replayed {
    /// Returns the ids of acknowledged records, in order.
    #[must_use]
    pub fn arrived(&self) -> Vec<FlowId> {
        self.shared.lock().arrived.clone()
    }

    /// Sets the [statistics](Replay::stats).
    pub fn set_stats(&self, stats: Stats) {
        self.shared.lock().stats = stats;
    }

    /// Sets the [report](Replay::report), which [`Handle::reports`](crate::Handle::reports) then returns.
    pub fn set_report(&self, report: Report) {
        self.shared.lock().report = report;
        self.changes.changed();
    }
}

impl Acknowledge for Replayed {
    fn acknowledge(&self, id: FlowId) {
        self.shared.lock().arrived.push(id);
    }
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    arrived: Vec<FlowId>,
    stats: Stats,
    report: Report,
}

impl Shared {
    /// A panic in another thread leaves the state valid, because every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters for Shared {
    fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    fn report(&self) -> Report {
        self.lock().report.clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, executor::block_on};

    use super::*;
    use crate::flow::example::plain;

    #[test]
    fn records_without_end_are_given_until_the_source_is_closed() {
        let (mut source, replayed) = FlowSource::replay(std::iter::repeat_with(plain))
            .open()
            .unwrap();
        let mut taken = 0;
        block_on(async {
            while let Some(flow) = source.next().await {
                flow.unwrap();
                taken += 1;
                if taken == 10_000 {
                    source.handle().close();
                }
            }
        });
        assert!((10_000..10_000 + 4096).contains(&taken), "{taken}");
        assert_eq!(replayed.arrived().len(), taken);
    }

    #[test]
    fn report_ends_with_the_source() {
        let (mut source, replayed) = FlowSource::replay([plain()]).open().unwrap();
        let mut reports = source.handle().reports();
        block_on(async {
            assert_eq!(reports.next().await, Some(Report::default()));
            // An equal report is no change.
            replayed.set_report(Report::default());
            assert!(futures::poll!(reports.next()).is_pending());
            assert!(source.next().await.is_some() && source.next().await.is_none());
            assert_eq!(reports.next().await, None);
        });
    }
}
