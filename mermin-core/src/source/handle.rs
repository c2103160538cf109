//! A source's statistics, from any thread.

use std::sync::Arc;

use futures_channel::oneshot;

use super::{
    builder::FlowSourceBuilder,
    control::{Control, Request},
    engine::Counters,
    reconfigure::Reconfigured,
    reports::Reports,
};
#[cfg(feature = "__lab")]
use crate::bpf::object::Programs;
use crate::{
    error::{Error, ErrorKind},
    report::{Report, SourceKind, Stats},
};

/// Reads a source's statistics, changes its options and can close it, from any thread. Clones are of the same source.
/// Keeps the kernel's counters readable after the source has ended. In a child that the process forks it reads nothing, and
/// changes nothing.
#[derive(Clone, Debug)]
pub struct Handle {
    control: Arc<Control>,
    shared: Arc<dyn Counters>,
}

impl Handle {
    pub(super) fn new(control: Arc<Control>, shared: Arc<dyn Counters>) -> Self {
        Self { control, shared }
    }

    /// Counters as of now. No system call: they are read from memory shared with the kernel program, or with the thread
    /// that reads a capture file.
    #[must_use]
    pub fn stats(&self) -> Stats {
        if self.control.is_inherited() {
            return Stats::default();
        }
        self.shared.stats()
    }

    /// The source's state now, and everything given up: interfaces come and go.
    #[must_use]
    pub fn report(&self) -> Report {
        if self.control.is_inherited() {
            return Report::default();
        }
        self.shared.report()
    }

    /// The report as it is now, and again each time that it has changed, for any runtime: interfaces come and go, features are
    /// given up and had again. Ends when nothing of the source is attached any more. Two streams each have all changes.
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

    #[cfg(feature = "__lab")]
    pub(crate) fn programs(&self) -> Option<&Arc<Programs>> {
        self.shared.programs()
    }

    /// Changes a running source's options to these: interfaces, timeouts and filter take effect at once, and the answer
    /// names whatever else differs and takes a new source.
    ///
    /// No packet is lost and no flow is split. Flows of an interface that is no longer watched end with
    /// [`ForcedEnd`](crate::flow::EndReason::ForcedEnd), by and by. Flows that are open keep what the filter decided of them
    /// until they end. The answer comes when each interface that is wanted was tried; what was refused is in
    /// [`report`](Self::report), and tried again. One that still takes its leave after an earlier change is attached to when
    /// its flows are closed, for which the consumer must take their records. Changes are made one after the other. One that
    /// was begun is made even if the future is dropped.
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
    /// With an error nothing has changed. By [`ErrorKind`]: `InvalidOption`, also for a capture file, which cannot be
    /// reconfigured; `NoInterface` as of [`open`](FlowSourceBuilder::open); `Exhausted` when flows are open that more than
    /// 253 different filters of records have decided; `Closed` when the source has ended or ends meanwhile.
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

    /// As [`FlowSource::close`](super::FlowSource::close).
    pub fn close(&self) {
        self.control.close();
    }
}

const _: () = {
    const fn check<T: Send + Sync>() {}
    check::<Handle>();
};
