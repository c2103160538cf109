//! Statistics and control of a source, from any thread.

use std::sync::Arc;

use futures_channel::oneshot;

use super::{
    builder::FlowSourceBuilder,
    control::{Control, Request},
    engine::Counters,
    open_flows::OpenFlows,
    reconfigure::Reconfigured,
    reports::Reports,
};
#[cfg(feature = "__lab")]
use crate::bpf::loaded::Programs;
use crate::{
    error::{Error, ErrorKind},
    report::{Report, SourceKind, Stats},
};

/// Reads a source's statistics, changes its options and closes it, from any thread. Clones refer to the same source.
/// Counters stay readable after the source has ended. In a forked child, a handle changes nothing, and its statistics and
/// report are empty.
///
/// ```
/// use mermin_core::FlowSource;
///
/// let (source, _) = FlowSource::replay([]).open()?;
/// let handle = source.handle();
/// let watcher = std::thread::spawn(move || {
///     println!("{}", handle.stats());
///     handle.close();
/// });
/// watcher.join().unwrap();
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    control: Arc<Control>,
    shared: Arc<dyn Counters>,
}

impl Handle {
    pub(super) fn new(control: Arc<Control>, shared: Arc<dyn Counters>) -> Self {
        Self { control, shared }
    }

    /// Returns the counters now. The call reads memory that is shared with the kernel program, or with the thread that reads a capture file.
    /// So it makes no system call. With [`drops`](crate::FlowSourceBuilder::drops) it makes one.
    ///
    /// ```no_run
    /// # async fn count() -> Result<(), mermin_core::Error> {
    /// use mermin_core::FlowSource;
    ///
    /// let flows = FlowSource::builder().open().await?;
    /// let stats = flows.handle().stats();
    /// println!("{} packets, {} flows open", stats.packets, stats.flows_open);
    /// for hook in &stats.hooks {
    ///     println!("{} {:?}: {} octets", hook.interface, hook.direction, hook.traffic.frame_octets);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        if self.control.is_inherited() {
            return Stats::default();
        }
        self.shared.stats()
    }

    /// Returns the state of the source now, with all degradations. It changes as interfaces appear and disappear.
    ///
    /// ```no_run
    /// use mermin_core::Handle;
    ///
    /// /// Returns true if two interfaces or more are watched, and nothing is missing.
    /// fn is_well(handle: &Handle) -> bool {
    ///     let report = handle.report();
    ///     report.interfaces.len() >= 2 && report.degradations.is_empty()
    /// }
    /// ```
    #[must_use]
    pub fn report(&self) -> Report {
        if self.control.is_inherited() {
            return Report::default();
        }
        self.shared.report()
    }

    /// Returns a stream of reports, for any runtime: the present report, and one after changes to interfaces or
    /// degradations. Several changes between two polls give one report. The stream ends when nothing of the source is
    /// attached any more. Streams are independent: none takes a report from another.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::FlowSource;
    ///
    /// # async fn watch() -> Result<(), mermin_core::Error> {
    /// let flows = FlowSource::builder().interfaces(["veth*"]).open().await?;
    /// let mut reports = flows.handle().reports();
    /// while let Some(report) = reports.next().await {
    ///     println!("{} interfaces", report.interfaces.len());
    ///     eprint!("{report}"); // degradations, if there are any
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reports(&self) -> Reports {
        Reports::new(Arc::clone(&self.control), Arc::clone(&self.shared))
    }

    /// Returns a snapshot of the open flows, one page at a time, in no order. A snapshot shows totals of flows long before
    /// the flows have records. It also works for a capture file.
    ///
    /// Each item is the record that its flow would have now: `delta` counts since the flow's latest record, `total`
    /// since its start, and the end reason is [`ActiveTimeout`](crate::flow::EndReason::ActiveTimeout). Each
    /// flow is read at one moment, and is in a snapshot at most once. A snapshot may lack flows that began after the
    /// first page was requested, or that ended before their page was requested. It lacks flows that the [filter](crate::filter) of
    /// flows rejects; the filter of records has no effect. With [`join`](FlowSourceBuilder::join), it has each
    /// interface's flow.
    ///
    /// While no packet arrives, the deltas of a snapshot and of all earlier records add up to the packets counted
    /// ([`Stats::packets`]) minus those counted under a reason. With a filter of flows, the sum is late: the packets of
    /// an open flow that the filter rejects are in [`Stats::packets`], but in no delta, and under no reason before a record of that
    /// flow would be due.
    ///
    /// The source's thread fills a page of up to 4,096 flows between two steps of its other work, in 0.6 ms: 0.14 us
    /// per flow, 14 ms for 100,000 (`cargo bench -p mermin-benches --bench sweep`). The only system calls wake the
    /// source's thread and the caller's. No packet waits. The memory of a page is reused for the next one.
    ///
    /// ```no_run
    /// use mermin_core::Handle;
    ///
    /// /// Returns the octets of all open flows.
    /// async fn octets(handle: &Handle) -> u64 {
    ///     let mut sum = 0;
    ///     let mut open = handle.open_flows();
    ///     while let Some(page) = open.next_page().await {
    ///         let octets = page.iter().map(|flow| flow.forward.octets.total + flow.reverse.octets.total);
    ///         sum += octets.sum::<u64>();
    ///     }
    ///     sum
    /// }
    /// ```
    pub fn open_flows(&self) -> OpenFlows {
        OpenFlows::new(Arc::clone(&self.control))
    }

    #[cfg(feature = "__lab")]
    pub(crate) fn programs(&self) -> Option<&Arc<Programs>> {
        self.shared.programs()
    }

    /// Changes the options of a running source. Interfaces, timeouts and filter take effect at once. The result names
    /// all other options that differ; they need a new source.
    ///
    /// No packet is lost and no flow is split. Flows of an interface that is no longer watched end with
    /// [`ForcedEnd`](crate::flow::EndReason::ForcedEnd) as the consumer takes their records. Open flows keep the
    /// filter's decision until they end.
    ///
    /// The future is ready when every selected interface has been tried. Interfaces that cannot be attached to are in
    /// [`report`](Self::report), and the source tries them again. Changes are made one after the other. A change that has
    /// begun is completed even if the future is dropped.
    ///
    /// Keep polling the stream meanwhile. If this change selects an interface again that an earlier change removed, the source
    /// attaches to that interface once its flows have ended, and these end only as the consumer takes their records. If nobody
    /// polls, the future never completes.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// # async fn change() -> Result<(), mermin_core::Error> {
    /// let options = FlowSource::builder().interfaces(["eth*"]);
    /// let flows = options.clone().open().await?;
    /// let options = options.active_timeout(Duration::from_secs(10)).max_flows(1 << 20);
    /// let changed = flows.handle().reconfigure(options).await?;
    /// for setting in changed.needs_restart {
    ///     eprintln!("{setting} takes effect after a restart"); // max_flows
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// After an error nothing has changed. By [`ErrorKind`]: `InvalidOption`, also for a capture file, which cannot
    /// be reconfigured; `NoInterface` as for [`open`](FlowSourceBuilder::open); `Exhausted` if open
    /// flows need more than 125 different filters of records, because each flow keeps the filter with which it began;
    /// `Closed` if the source has ended or ends meanwhile.
    pub async fn reconfigure(&self, options: FlowSourceBuilder) -> Result<Reconfigured, Error> {
        let (options, selector) = options.live()?;
        if self.report().source != SourceKind::Interfaces {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot reconfigure a source that reads a capture file",
            )
            .with_remedy("open the file again with the other options"));
        }
        let (answer, answered) = oneshot::channel();
        self.control.request(Request {
            options,
            selector,
            answer,
        });
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Closed,
                "cannot reconfigure a source that has ended",
            )
            .with_remedy("open another with these options"))
        })
    }

    /// Closes the source as [`FlowSource::close`](super::FlowSource::close) does.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::FlowSource;
    ///
    /// # async fn stop() -> Result<(), mermin_core::Error> {
    /// let mut flows = FlowSource::builder().open().await?;
    /// let handle = flows.handle();
    /// std::thread::spawn(move || {
    ///     std::io::stdin().read_line(&mut String::new()).ok();
    ///     handle.close();
    /// });
    /// // Ends once Enter is pressed and the last records are here.
    /// while let Some(flow) = flows.next().await {
    ///     println!("{}", flow?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.control.close();
    }
}

const _: () = {
    const fn check<T: Send + Sync>() {}
    check::<Handle>();
};
