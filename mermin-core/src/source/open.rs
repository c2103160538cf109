//! Opens a source.

use std::{sync::Arc, thread};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
use super::offline;
use super::{
    builder::FlowSourceBuilder, capture, control::Control, engine::Opened, queue::Queue,
    stream::FlowSource,
};
use crate::{
    error::{Error, ErrorKind},
    report::Report,
};

impl FlowSourceBuilder {
    /// Tries each step of [`open`](Self::open). The report has [`Report::checks`] and the degradations that `open`
    /// would have. Nothing is attached to an interface of the host, and nothing is left behind.
    ///
    /// A thread does the work in a few tenths of a second: it loads the kernel program with room for only one flow. A
    /// capture file is not opened.
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
        thread::Builder::new()
            .name("mermin-preflight".to_owned())
            .spawn(move || {
                // The caller may have dropped its future.
                let _ = answer.send(capture::preflight(&options, &selector));
            })
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the preflight thread")
                    .with_source(error)
            })?;
        report.await.map_err(|_| {
            Error::new(
                ErrorKind::Panicked,
                "cannot try what the host can do: the thread panicked",
            )
        })
    }

    /// Loads the kernel program and attaches it, in the network namespace of the thread that first polls the future.
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
    /// By [`ErrorKind`]: `InvalidOption`; `InUse` if another source has the instance; `Unsupported` below Linux 5.14;
    /// `PermissionDenied`; `NoInterface`; `Verifier`; `Exhausted`; `System`. For a capture file also
    /// `InvalidCapture`, and `Unsupported` for an unsupported link type.
    pub async fn open(self) -> Result<FlowSource, Error> {
        let selector = self.options.validate()?;
        let control = Control::new().map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot create an event descriptor")
                .with_remedy("raise the limit: `ulimit -n 4096`")
                .with_source(error)
        })?;
        let control = Arc::new(control);
        let queue = Arc::new(Queue::default());
        #[cfg(feature = "pcap")]
        if let Some(input) = self.input {
            let opened = offline::start(self.options, input, self.pace, &control, &queue)?;
            return opened_by(opened, queue, control).await;
        }
        #[cfg(feature = "pcap")]
        if self.pace.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot use `pace` without a capture file",
            )
            .with_remedy("leave it out; packets of interfaces come when they come"));
        }
        let (answer, opened) = oneshot::channel();
        let arguments = capture::CaptureArguments {
            options: self.options,
            selector,
            control: Arc::clone(&control),
            queue: Arc::clone(&queue),
        };
        thread::Builder::new()
            .name("mermin-capture".to_owned())
            .spawn(move || capture::run(arguments, answer))
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the capture thread")
                    .with_source(error)
            })?;
        opened_by(opened, queue, control).await
    }
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
    let opened = opened.await.map_err(|_| {
        Error::new(
            ErrorKind::Panicked,
            "cannot open the source: its thread panicked",
        )
    })??;
    unopened.0 = None;
    Ok(FlowSource::new(queue, control, opened))
}
