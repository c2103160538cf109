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

/// Exports flows to a stream of `JetStream`, a message for each. A thread, `mermin-nats`, writes and waits for the server, so no
/// executor does.
///
/// `Ok` means that the stream has every record but those that are larger than it takes: they are dropped, and the
/// [meter](FlowSink::meter) counts them as [`Unsendable`](mermin_core::sink::DropReason::Unsendable). After an error the batch
/// is to be given again: put [`retry`](mermin_core::sink::retry) around it. Records of it that the stream has are not sent
/// again, and those that it may have are told by their ids or looked up.
#[derive(Debug)]
pub struct Exporter {
    thread: Threaded,
    doubled: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to export.
    ///
    /// # Errors
    /// That the thread cannot be started.
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

    /// Advice where [`doubled`](Self::doubled) is not zero.
    pub const REMEDY: &str = "set `window` to the longest outage";

    /// Records that may be in the stream twice: an outage outlasted the stream's memory of ids, and whether they were there
    /// could not be looked up.
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

/// Work of the thread.
struct Blocking {
    settings: Settings,
    subject: String,
    /// Of a stream that is created.
    subjects: String,
    link: Option<Connection>,
    publisher: Publisher,
    progress: Progress,
    meter: Meter,
    doubled: Arc<AtomicU64>,
    timer: ThreadTimer,
}

impl Blocking {
    /// A connection to a stream that can be exported to, where what is there of the batch before is known.
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
            // The next attempt connects anew, and finds out what became of the stream.
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

    /// Answers pings, so that the server does not take this for gone: it sends one every two minutes, and takes two that are not
    /// answered.
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
