//! The sink.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, Meter, ThreadTimer, Threaded, Timer as _, threaded},
};

use crate::{
    link::{Connection, Facts, Found, Publisher, connect, lookup, prepare},
    progress::Progress,
    settings::Settings,
};

/// Exports flows to a stream of `JetStream`, one message per record. A thread, `mermin-nats`, writes and waits for
/// the server, so no executor does.
///
/// `Ok` means that the stream has every record, except those that are too large. Those are dropped, and the
/// [meter](FlowSink::meter) counts them as [`Unsendable`](mermin_core::sink::DropReason::Unsendable). After an error,
/// the batch must be exported again: wrap the exporter in [`retry`](mermin_core::sink::retry). Records that the
/// stream has are not sent again. For records that it may have, the exporter relies on their ids or looks them up.
#[derive(Debug)]
pub struct Exporter {
    thread: Threaded,
    doubled: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to export.
    ///
    /// # Errors
    /// If the thread cannot start.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let host = rustix::system::uname();
        let (subject, subjects) = settings.subjects(&host.nodename().to_string_lossy());
        let doubled = Arc::<AtomicU64>::default();
        let blocking = Blocking {
            publisher: Publisher::new(settings.under_way, settings.community_id_seed),
            settings,
            subject,
            subjects,
            link: None,
            progress: Progress::default(),
            meter: Meter::default(),
            doubled: Arc::clone(&doubled),
            timer: ThreadTimer::default(),
        };
        let thread = threaded("mermin-nats", blocking)?;
        Ok(Self { thread, doubled })
    }

    /// Remedy if [`doubled`](Self::doubled) is not zero.
    pub const REMEDY: &str = "set `window` to the longest outage";

    /// Returns the number of records that may be in the stream twice: an outage was longer than the stream remembers
    /// ids, and a look-up was impossible.
    #[must_use]
    pub fn doubled(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.doubled)
    }
}

impl FlowSink for Exporter {
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.export(flows)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.close()
    }

    fn meter(&self) -> Option<Meter> {
        self.thread.meter()
    }
}

/// The thread's work.
struct Blocking {
    settings: Settings,
    subject: String,
    /// Subjects of a stream that the exporter creates.
    subjects: String,
    link: Option<Connection>,
    publisher: Publisher,
    progress: Progress,
    meter: Meter,
    doubled: Arc<AtomicU64>,
    timer: ThreadTimer,
}

impl Blocking {
    /// Returns a connection to a usable stream, once the stored records of the previous batch are known.
    fn open(&mut self) -> Result<Connection, String> {
        if let Some(mut link) = self.link.take()
            && link.look().is_ok()
        {
            return Ok(link);
        }
        let mut link = connect(&self.settings, &self.subject)?;
        let facts = prepare(&mut link, &self.settings, &self.subjects)?;
        self.progress.connected(facts);
        self.look_up(&mut link, facts)?;
        Ok(link)
    }

    fn look_up(&mut self, link: &mut Connection, facts: Facts) -> Result<(), String> {
        let margin = self.settings.patience;
        let Some(behind) = self.progress.lookup(facts, margin, Instant::now()) else {
            return Ok(());
        };
        let found = if facts.keeps {
            lookup(link, behind)?
        } else {
            Found::Unknown
        };
        let doubled = self.progress.looked(&found);
        self.doubled.fetch_add(doubled as u64, Ordering::Relaxed);
        Ok(())
    }

    fn deliver(&mut self, flows: &[Flow]) -> Result<(), String> {
        self.progress.begin(flows);
        let mut link = self.open()?;
        let left = self.progress.left(flows);
        let began = Instant::now();
        let (fates, failure) = self.publisher.publish(&mut link, &left);
        self.progress.published(&left, &fates, began);
        if let Some(why) = failure {
            // The next attempt reconnects, and checks the stream again.
            return Err(format!("cannot publish under `{}`: {why}", self.subject));
        }
        self.link = Some(link);
        self.progress.finish(flows, &self.meter);
        Ok(())
    }
}

impl FlowSink for Blocking {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        Ok(self.deliver(flows)?)
    }

    /// Answers pings, because otherwise the server closes the connection: it sends a ping every two minutes, and two
    /// may be unanswered.
    async fn idle(&mut self) {
        while self.link.is_some() {
            self.timer.sleep(self.settings.patience).await;
            if self.link.as_mut().is_some_and(|link| link.look().is_err()) {
                // The next export connects.
                self.link = None;
            }
        }
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.link = None;
        Ok(())
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }
}
