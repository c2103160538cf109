//! The sink.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::Instant,
};

use mermin_core::{
    Flow, Handle,
    sink::{BoxError, FlowSink, Meter, ThreadTimer, Timer as _},
};

use crate::{
    count::State,
    page::{Facts, Format, Metric},
    serve::{Limits, ListenError, Outcomes, Pages, Server},
    settings::Settings,
};

/// Sums flows, and serves the sums at `/metrics`. `Ok` means that a record is in the sums. An export never waits for
/// a scraper: a thread of its own makes and sends pages, and an export waits at most for a copy of the sums.
///
/// Sums are only in memory. They restart with the process, which Prometheus sees as a counter reset.
pub struct Exporter {
    shared: Arc<Shared>,
    server: Server,
    settings: Settings,
    timer: ThreadTimer,
    meter: Meter,
}

impl Exporter {
    /// Listens on this address; port 0 chooses a free one.
    ///
    /// # Errors
    /// The system's error: the port is in use, or this user may not use it.
    pub fn listen(address: SocketAddr, settings: Settings) -> Result<Self, ListenError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(&settings, Instant::now())),
            watched: Mutex::default(),
            outcomes: Outcomes::default(),
            moment: AtomicU64::new(0),
            last: Mutex::default(),
        });
        let limits = Limits {
            patience: settings.patience,
            connections: settings.connections,
        };
        Ok(Self {
            server: Server::start(address, limits, Arc::clone(&shared))?,
            shared,
            settings,
            timer: ThreadTimer::default(),
            meter: Meter::default(),
        })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns a handle that adds other metrics to the page.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.shared))
    }
}

impl FlowSink for Exporter {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        lock(&self.shared.state).add(flows, Instant::now());
        self.meter.accepted(flows.len());
        self.meter.delivered(flows.len());
        Ok(())
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }

    /// Waits for a scraper to get the last counts, at most [`Settings::linger`].
    async fn close(&mut self) -> Result<(), BoxError> {
        if self.settings.linger.is_zero() {
            return Ok(());
        }
        // Pages requested from now on have everything.
        let closed = self.shared.moment.fetch_add(1, Ordering::Relaxed) + 1;
        let mut over = self.timer.sleep(self.settings.linger);
        poll_fn(|context| {
            let mut last = lock(&self.shared.last);
            if last.sent >= closed {
                return Poll::Ready(());
            }
            last.waker = Some(context.waker().clone());
            drop(last);
            over.as_mut().poll(context)
        })
        .await;
        Ok(())
    }
}

/// Adds metrics other than those of flows. Clones refer to the same exporter.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// Adds the statistics and the ledger of this source.
    pub fn source(&self, handle: Handle) {
        lock(&self.0.watched).source = Some(handle);
    }

    /// Adds the fate of records on their way to this target, under its name. A second meter with the same name
    /// replaces the first.
    pub fn sink(&self, name: impl Into<String>, meter: Meter) {
        let name = name.into();
        let mut watched = lock(&self.0.watched);
        watched.sinks.retain(|(known, _)| *known != name);
        watched.sinks.push((name, meter));
    }

    /// Removes the records of a target from the page.
    pub fn forget_sink(&self, name: &str) {
        lock(&self.0.watched)
            .sinks
            .retain(|(known, _)| known != name);
    }

    /// Adds metrics of the program. The function is called for each page, on the server's thread, and should not wait. A
    /// second function replaces the first.
    pub fn metrics(&self, metrics: impl Fn() -> Vec<Metric> + Send + Sync + 'static) {
        lock(&self.0.watched).metrics = Some(Arc::new(metrics));
    }

    /// Returns the page as a scraper gets it, for a program with an HTTP server of its own.
    #[must_use]
    pub fn page(&self, format: Format) -> String {
        Pages::page(&*self.0, format)
    }
}

struct Shared {
    state: Mutex<State>,
    watched: Mutex<Watched>,
    outcomes: Outcomes,
    /// Increases with each call of `close`.
    moment: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Default, Clone)]
struct Watched {
    source: Option<Handle>,
    sinks: Vec<(String, Meter)>,
    metrics: Option<Arc<dyn Fn() -> Vec<Metric> + Send + Sync>>,
}

/// The last page that was sent.
#[derive(Default)]
struct Last {
    sent: u64,
    waker: Option<Waker>,
}

impl Pages for Shared {
    fn page(&self, format: Format) -> String {
        let watched = lock(&self.watched).clone();
        let mut facts = Facts {
            source: watched.source.as_ref().map(Handle::stats),
            scrapes: self.outcomes.scrapes(),
            metrics: watched.metrics.map(|metrics| metrics()).unwrap_or_default(),
            ..Facts::default()
        };
        let sinks = watched.sinks.into_iter();
        facts.sinks = sinks.map(|(name, meter)| (name, meter.stats())).collect();
        // Memory is allocated before the lock is taken.
        let (series, pairs) = lock(&self.state).room();
        facts.flows.series.reserve(series);
        facts.flows.pairs.reserve(pairs);
        lock(&self.state).snapshot(Instant::now(), &mut facts.flows);
        facts.page(format)
    }

    fn sent(&self, moment: u64) {
        let mut last = lock(&self.last);
        last.sent = last.sent.max(moment);
        if let Some(waker) = last.waker.take() {
            waker.wake();
        }
    }

    fn moment(&self) -> u64 {
        self.moment.load(Ordering::Relaxed)
    }

    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }
}

/// Locks, also after a panic of another thread: every change is complete before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
