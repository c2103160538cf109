//! From options to a running source.

#[cfg(feature = "pcap")]
mod capture;
mod flows;
mod get;
mod timeouts;
mod watch;

use std::{sync::Arc, thread};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
use super::offline::{self, Input};
use super::{
    capture as live, control::Control, engine::Opened, options::Options, queue::Queue,
    stream::FlowSource,
};
use crate::{
    error::{Error, ErrorKind},
    iface::select::Selector,
    report::Report,
};

/// Options of a [`FlowSource`]. By value and `Clone`, so that one set of options opens several sources; `get_..` reads each
/// back. Two are equal if they open the same: of readers, only clones of one are.
///
/// ```no_run
/// use std::time::Duration;
///
/// use mermin_core::{FlowSource, FlowSourceBuilder, NetNs};
///
/// # async fn watch() -> Result<(), mermin_core::Error> {
/// let options: FlowSourceBuilder = FlowSource::builder()
///     .interfaces(["eth*"])
///     .active_timeout(Duration::from_secs(5));
/// let ours = options.clone().open().await?;
/// let theirs = options.netns(NetNs::Path("/run/netns/blue".into())).open().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "nothing is captured before `open` is awaited"]
pub struct FlowSourceBuilder {
    options: Options,
    #[cfg(feature = "pcap")]
    input: Option<Input>,
}

impl FlowSourceBuilder {
    #[cfg(feature = "test-util")]
    pub(crate) fn workings(&mut self) -> &mut super::options::Workings {
        &mut self.options.workings
    }

    /// Checked options of a source of interfaces, and which of them are meant.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`].
    pub(super) fn live(self) -> Result<(Options, Selector), Error> {
        #[cfg(feature = "pcap")]
        if self.input.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot make a running source read a capture file",
            )
            .with_remedy("open another source for the file"));
        }
        let selector = self.options.validate()?;
        Ok((self.options, selector))
    }

    /// Tries all that [`open`](Self::open) would take and says what it would meet: [`Report::facts`], and the degradations that
    /// would follow. Nothing is attached to an interface of the host, and nothing is left.
    ///
    /// The work is done by a thread of its own and takes a few tenths of a second, because the kernel program is loaded with
    /// room for one flow. A file that is to be read is not looked at.
    ///
    /// ```no_run
    /// use mermin_core::FlowSource;
    ///
    /// # async fn doctor() -> Result<(), mermin_core::Error> {
    /// let report = FlowSource::builder().interfaces(["eth*"]).preflight().await?;
    /// for fact in &report.facts {
    ///     println!("{fact}"); // ✓ tcx: programs can be attached by TCX
    /// }
    /// if !report.can_capture() {
    ///     eprintln!("no flow can be captured here");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidOption`; `Exhausted` where no thread can be started. A gap of the host is no error but a fact.
    pub async fn preflight(&self) -> Result<Report, Error> {
        let selector = self.options.validate()?;
        let options = self.options.clone();
        let (answer, report) = oneshot::channel();
        thread::Builder::new()
            .name("mermin-preflight".to_owned())
            .spawn(move || {
                // Whoever asked may have gone.
                let _ = answer.send(live::preflight(&options, &selector));
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

    /// Loads the kernel program and attaches it, in the network namespace of the thread that first polls this.
    ///
    /// The work is done by the source's own thread, so no executor is blocked. Dropping the future before it is ready does
    /// not wait for that thread either: it attaches to no further interface, takes away what it has attached by then, and
    /// ends.
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
    /// By [`ErrorKind`]: `InvalidOption`; `InUse` where another source has the instance; `Unsupported` below Linux 5.14;
    /// `PermissionDenied`; `NoInterface`; `Verifier`; `Exhausted`; `System`. Of a capture file also `InvalidCapture`, and
    /// `Unsupported` for a link type that is not read.
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
            let opened = offline::start(self.options, input, &control, &queue)?;
            return opened_by(opened, queue, control).await;
        }
        let (answer, opened) = oneshot::channel();
        let job = live::Job {
            options: self.options,
            selector,
            control: Arc::clone(&control),
            queue: Arc::clone(&queue),
        };
        thread::Builder::new()
            .name("mermin-capture".to_owned())
            .spawn(move || live::run(job, answer))
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the capture thread")
                    .with_source(error)
            })?;
        opened_by(opened, queue, control).await
    }
}

/// Ends a source whose `open` was cancelled: its thread may have answered already, and would go on for nobody.
struct Unopened(Option<Arc<Control>>);

impl Drop for Unopened {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.decline();
        }
    }
}

/// Waits for what the source's thread says.
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
