//! The sink.

use std::{
    io, mem,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use mermin_core::{
    Flow,
    sink::{
        BoxError, BoxSink, FlowSink, Meter, Sleep, ThreadTimer, Threaded, Timer as _, threaded,
    },
};

use crate::{
    encode::{Encoder, Messages},
    link::{File, Link, Tcp, Udp},
    settings::Settings,
};

/// Exports flows as IPFIX. A thread, `mermin-ipfix`, writes messages and waits for the network, so no executor does,
/// unless [`Settings::own_thread`] says otherwise.
///
/// `Ok` means: with TCP, the collector's kernel has acknowledged all messages; with UDP, they were sent; with a file,
/// they were written. After an error, the next call reconnects and sends all templates, so no restart is needed. Wrap
/// the exporter in [`retry`](mermin_core::sink::retry), and in [`buffered`](mermin_core::sink::buffered) if the
/// source must not wait during an outage.
#[derive(Debug)]
pub struct Exporter(Runs);

/// The work, by the thread that does it.
#[derive(Debug)]
enum Runs {
    InThread(Threaded),
    InCaller(BoxSink),
}

impl Exporter {
    /// Exports over UDP to `host:port`. The name is looked up when the first flow is exported, and again at each refresh: if
    /// the collector has moved, a new session begins with its new address. UDP does not confirm delivery. If a host answers that
    /// nothing listens, that is an error.
    ///
    /// # Errors
    /// If the thread cannot start.
    pub fn udp(target: impl Into<String>, settings: Settings) -> io::Result<Self> {
        Self::new(Udp::new(target.into()), settings)
    }

    /// Exports over TCP to `host:port`. It connects when there is something to export.
    ///
    /// # Errors
    /// If the thread cannot start.
    pub fn tcp(target: impl Into<String>, settings: Settings) -> io::Result<Self> {
        let patience = settings.patience;
        Self::new(Tcp::new(target.into(), patience), settings.own_thread(true))
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// If the thread cannot start.
    pub fn file(path: impl Into<PathBuf>, settings: Settings) -> io::Result<Self> {
        // A pipe without a reader and a file system that hangs block without an end.
        Self::new(File::new(path.into()), settings.own_thread(true))
    }

    fn new(link: impl Link + 'static, settings: Settings) -> io::Result<Self> {
        let own_thread = settings.own_thread;
        let blocking = Blocking {
            refresh: settings.refresh,
            looked_at: Instant::now(),
            encoder: Encoder::new(settings).resending(link.needs_template_refresh()),
            link,
            messages: Messages::default(),
            timer: ThreadTimer::default(),
            wait: None,
            begun: false,
            unanswered: false,
            failed: None,
        };
        Ok(Self(if own_thread {
            Runs::InThread(threaded("mermin-ipfix", blocking)?)
        } else {
            Runs::InCaller(BoxSink::new(blocking))
        }))
    }
}

impl FlowSink for Exporter {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        match &mut self.0 {
            Runs::InThread(thread) => thread.export(flows).await,
            Runs::InCaller(sink) => sink.export(flows).await,
        }
    }

    /// The thread does this work by itself.
    async fn idle(&mut self) {
        if let Runs::InCaller(sink) = &mut self.0 {
            sink.idle().await;
        }
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        match &mut self.0 {
            Runs::InThread(thread) => thread.close().await,
            Runs::InCaller(sink) => sink.close().await,
        }
    }

    fn meter(&self) -> Option<Meter> {
        match &self.0 {
            Runs::InThread(thread) => thread.meter(),
            Runs::InCaller(sink) => sink.meter(),
        }
    }
}

/// The work, which may block.
struct Blocking<L> {
    link: L,
    encoder: Encoder,
    messages: Messages,
    refresh: Duration,
    /// Begin of the latest look-up. It has a clock of its own: templates that are sent within batches put off the next refresh.
    looked_at: Instant,
    timer: ThreadTimer,
    /// The wait for the next refresh. It is kept between calls of `idle`: without any wait the timer's thread ends, and
    /// a new one would start another.
    wait: Option<Sleep>,
    /// The link was opened for an export, so templates are refreshed from now on.
    begun: bool,
    /// Records were sent, and nothing since: an error of the next message may be an answer to them.
    unanswered: bool,
    /// Such an error, which the next call returns.
    failed: Option<io::Error>,
}

impl<L: Link> Blocking<L> {
    fn open(&mut self) -> io::Result<()> {
        if self.link.open()? {
            self.encoder.restart();
        }
        self.encoder.limit_messages(self.link.longest_message());
        self.begun = true;
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        self.link.send(&self.messages).map_err(|unsent| {
            self.encoder.take_back(&self.messages, unsent.sent);
            unsent.error
        })
    }

    fn look_up_again(&mut self) {
        self.looked_at = Instant::now();
        self.link.look_up_again();
    }

    /// Sends templates alone.
    fn refresh(&mut self, now: SystemTime) -> io::Result<()> {
        self.look_up_again();
        let opened = self.open();
        self.encoder.refresh(now, &mut self.messages);
        match opened {
            Ok(()) => self.send(),
            Err(error) => {
                self.encoder.take_back(&self.messages, 0);
                Err(error)
            }
        }
    }
}

impl<L: Link> FlowSink for Blocking<L> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        self.open()?;
        let now = SystemTime::now();
        if self.link.needs_template_refresh() {
            let is_due = self.encoder.is_due(now);
            if is_due || self.looked_at.elapsed() >= self.refresh {
                self.look_up_again();
            }
            if is_due {
                self.encoder.tell_again();
            }
        }
        self.encoder.encode(flows, now, &mut self.messages);
        let sent = self.send();
        self.unanswered = sent.is_ok();
        Ok(sent?)
    }

    /// Sends templates regularly, because a restarted collector also needs them while there are no flows.
    async fn idle(&mut self) {
        if !self.link.needs_template_refresh() || !self.begun {
            return;
        }
        loop {
            let left = self.encoder.until_due(SystemTime::now());
            let timer = &self.timer;
            self.wait.get_or_insert_with(|| timer.sleep(left)).await;
            self.wait = None;
            let now = SystemTime::now();
            if self.encoder.is_due(now) {
                let sent = self.refresh(now);
                if mem::take(&mut self.unanswered) {
                    self.failed = sent.err();
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        let closed = self.link.close();
        let failed = self.failed.take();
        Ok(failed.map_or(closed, Err)?)
    }
}
