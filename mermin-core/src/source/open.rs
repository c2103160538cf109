//! Opens a source.

use std::{sync::Arc, thread};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
use super::offline;
use super::{
    builder::FlowSourceBuilder,
    capture,
    control::Control,
    engine::{Opened, caught},
    handover::Handover,
    pinning::Pinning,
    queue::Queue,
    stream::FlowSource,
};
use crate::{
    attach::Attach,
    error::{Error, ErrorKind},
    report::Report,
};

impl FlowSourceBuilder {
    /// Tries each step of [`open`](Self::open). The report has [`Report::checks`] and the degradations that `open`
    /// would have. Nothing is attached to an interface of the host, and nothing is left behind.
    ///
    /// A thread does the work in a few tenths of a second: it loads the kernel program with room for only one flow, and
    /// computes the memory of the whole table. A capture file is not opened.
    ///
    /// ```no_run
    /// use mermin_core::FlowSource;
    ///
    /// # async fn doctor() -> Result<(), mermin_core::Error> {
    /// let report = FlowSource::builder().interfaces(["eth*"]).preflight().await?;
    /// for check in &report.checks {
    ///     println!("{check}"); // ✓ tcx: programs can be attached by TCX
    /// }
    /// if !report.can_capture() {
    ///     eprintln!("no flow can be captured here");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidOption`; `Exhausted` if no thread can be started. A feature that the host lacks is a failed check, not
    /// an error.
    pub async fn preflight(&self) -> Result<Report, Error> {
        let selector = self.options.validate()?;
        let options = self.options.clone();
        let (answer, report) = oneshot::channel();
        start("mermin-preflight", move || {
            let report = caught("check the host", || {
                Ok(capture::preflight(&options, &selector))
            });
            // The caller may have dropped its future.
            let _ = answer.send(report);
        })?;
        report.await.map_err(|_| ended("check the host"))?
    }

    /// Loads the kernel program and attaches it, in the network namespace that [`netns`](Self::netns) chooses. By default
    /// that is the namespace of the thread that first polls the future.
    ///
    /// The source's own thread does the work, so no executor is blocked. Dropping the future before it is ready does
    /// not wait for that thread: the thread attaches to no further interface, detaches from the others, and ends.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::{ErrorKind, FlowSource};
    ///
    /// # async fn watch() -> Result<(), mermin_core::Error> {
    /// let mut flows = match FlowSource::builder().interfaces(["eth0"]).open().await {
    ///     Ok(flows) => flows,
    ///     Err(error) if error.kind() == ErrorKind::NoInterface => return Ok(()),
    ///     Err(error) => return Err(error),
    /// };
    /// let first = flows.next().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// By [`ErrorKind`]: `InvalidOption`; `InUse` if another source has the instance; `Unsupported` below Linux 5.14 (on arm64,
    /// below 5.18); `PermissionDenied`; `NoInterface`; `Verifier`; `Exhausted`; `System`. For a capture file also
    /// `InvalidCapture`, and `Unsupported` for an unsupported link type.
    pub async fn open(self) -> Result<FlowSource, Error> {
        #[cfg(feature = "pcap")]
        if let Some(input) = self.input {
            self.options.validate()?;
            let (control, queue) = (control()?, Arc::new(Queue::default()));
            let opened = offline::start(self.options, input, self.pace, &control, &queue)?;
            return opened_by(opened, queue, control).await;
        }
        self.capture(capture::Purpose::Capture).await
    }

    /// Opens what another process [prepared](Self::prepare). Needs no capability. The options that decide what is attached
    /// and how the kernel counts must be those of the other process: interfaces, table size, flow key, `exact_end`, the
    /// TCP options, `drops`, `sampling`, `names` and tunnels. Timeouts, filter, `join` and the others may differ.
    ///
    /// The source is pinned: the next source delivers a record again that was not acknowledged, and `persist` is that of the
    /// process that prepared. An interface that appears later is watched as well, by TCX, but not pinned, and the report
    /// says so: after the end of this process, packets of that interface are not counted until the other process prepares
    /// again. The process that calls this must itself be in the watched network namespace: leave [`netns`](Self::netns) at
    /// [`NetNs::Own`](crate::NetNs::Own).
    ///
    /// ```no_run
    /// use mermin_core::{FlowSource, Handover};
    ///
    /// # async fn capture(handover: Handover) -> Result<FlowSource, mermin_core::Error> {
    /// // `Handover::receive` blocks: another thread has called it.
    /// FlowSource::builder().interfaces(["eth0"]).open_passed(handover).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`open`](Self::open). `InvalidOption` if one of the options above, the version or a descriptor is not that
    /// of the other process, and with [`Attach::Tc`](crate::Attach::Tc); `InUse` if another process owns the instance.
    pub async fn open_passed(self, handover: Handover) -> Result<FlowSource, Error> {
        let source = self.by_tcx()?;
        source
            .capture(capture::Purpose::Passed(Some(handover)))
            .await
    }

    /// Loads the kernel program, attaches and pins it as [`open`](Self::open) does, for another process to capture. The
    /// report has the degradations so far. [`pinning`](Self::pinning) names the instance, and programs are attached by
    /// TCX, because a filter has no descriptor.
    ///
    /// A thread does the work. If the future is dropped before it is ready, that thread attaches to no further interface, and
    /// removes the pins that are new. If it has attached to all by then, the pins stay as after a killed process: the next
    /// `prepare` or `open` goes on with them, and [`Pinning::remove`](crate::Pinning::remove) removes them.
    ///
    /// ```no_run
    /// use mermin_core::{FlowSource, Handover, Pinning};
    ///
    /// # async fn prepare() -> Result<Handover, mermin_core::Error> {
    /// let options = FlowSource::builder().interfaces(["eth0"]).pinning(Pinning::instance("billing"));
    /// let (handover, report) = options.prepare().await?;
    /// eprint!("{report}");
    /// // `Handover::send` blocks: another thread calls it.
    /// Ok(handover)
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`open`](Self::open). `InvalidOption` also without `pinning`, and with [`Attach::Tc`](crate::Attach::Tc).
    /// `Unsupported` also if nothing can be pinned, before anything is loaded.
    /// `InUse` also while a process lives that has the descriptors of an earlier call.
    pub async fn prepare(mut self) -> Result<(Handover, Report), Error> {
        if self.options.pinning.is_none() {
            return Err(Pinning::missing());
        }
        self = self.by_tcx()?;
        // The process that captures looks up sockets and translations.
        self.options.process = false;
        self.options.listening_ports = false;
        self.options.nat = false;
        let (arguments, control) = self.arguments(capture::Purpose::Prepare)?;
        let (answer, prepared) = oneshot::channel();
        start("mermin-prepare", move || {
            capture::prepare(arguments, answer);
        })?;
        let mut unopened = Unopened(Some(control));
        let prepared = prepared.await.map_err(|_| ended("prepare the source"))?;
        unopened.0 = None;
        prepared
    }

    /// Attaches by TCX only, because a filter has no descriptor that could be passed.
    fn by_tcx(mut self) -> Result<Self, Error> {
        if self.options.attach.mode == Attach::Tc {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot pass a source with tc filters to another process",
            )
            .with_remedy("leave `attach` out"));
        }
        self.options.attach.mode = Attach::Tcx;
        Ok(self)
    }

    /// Starts a live source.
    async fn capture(self, purpose: capture::Purpose) -> Result<FlowSource, Error> {
        #[cfg(feature = "pcap")]
        if self.pace.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot use `pace` without a capture file",
            )
            .with_remedy("leave it out; packets of interfaces come when they come"));
        }
        let (arguments, control) = self.arguments(purpose)?;
        let queue = Arc::clone(&arguments.queue);
        let (answer, opened) = oneshot::channel();
        start("mermin-capture", move || capture::run(arguments, answer))?;
        opened_by(opened, queue, control).await
    }

    fn arguments(
        self,
        purpose: capture::Purpose,
    ) -> Result<(capture::CaptureArguments, Arc<Control>), Error> {
        let (options, selector) = self.live()?;
        let control = control()?;
        let arguments = capture::CaptureArguments {
            options,
            selector,
            control: Arc::clone(&control),
            queue: Arc::new(Queue::default()),
            purpose,
        };
        Ok((arguments, control))
    }
}

fn control() -> Result<Arc<Control>, Error> {
    let control = Control::new().map_err(|error| {
        Error::new(ErrorKind::Exhausted, "cannot create an event descriptor")
            .with_remedy("raise the limit: `ulimit -n 4096`")
            .with_source(error)
    })?;
    Ok(Arc::new(control))
}

/// Starts a thread of a source.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| {
        let message = format!("cannot start the thread `{name}`");
        Error::new(ErrorKind::Exhausted, message).with_source(error)
    })
}

/// Returns the error of a thread that ended without an answer.
fn ended(task: &str) -> Error {
    let message = format!("cannot {task}: its thread ended without an answer");
    Error::new(ErrorKind::Panicked, message)
}

/// Ends a source whose `open` was cancelled. Its thread may have answered already, and would run without a consumer.
struct Unopened(Option<Arc<Control>>);

impl Drop for Unopened {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.cancel_open();
        }
    }
}

/// Waits for the answer of the source's thread.
async fn opened_by(
    opened: oneshot::Receiver<Result<Opened, Error>>,
    queue: Arc<Queue>,
    control: Arc<Control>,
) -> Result<FlowSource, Error> {
    let mut unopened = Unopened(Some(Arc::clone(&control)));
    let opened = opened.await.map_err(|_| ended("open the source"))??;
    unopened.0 = None;
    Ok(FlowSource::new(queue, control, opened))
}
