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
    page::{Facts, Format},
    serve::{Limits, ListenError, Outcomes, Pages, Server},
    settings::Settings,
};

/// Sums flows, and tells the sums to whoever scrapes `/metrics`. `Ok` means that a record is in the sums. Nothing of it waits for
/// a scraper: pages are made and sent by a thread of its own, and an export waits for the copy of the sums at most.
///
/// Sums are in memory alone: with the process they begin anew, which Prometheus sees as counters that were reset.
pub struct Exporter {
    shared: Arc<Shared>,
    server: Server,
    settings: Settings,
    timer: ThreadTimer,
    meter: Meter,
}

impl Exporter {
    /// Listens on this address; port 0 is any that is free.
    ///
    /// # Errors
    /// Those of the system: the port is in use, or not this user's to take.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// By which it is told what else belongs on the page.
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

    /// Waits for a scraper that gets the last counts, no longer than [`Settings::linger`].
    async fn close(&mut self) -> Result<(), BoxError> {
        if self.settings.linger.is_zero() {
            return Ok(());
        }
        // Pages that are asked for from now on have everything.
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

/// Lets an exporter tell more than its flows; clones are of the same exporter.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// The statistics and the ledger of this source.
    pub fn source(&self, handle: Handle) {
        lock(&self.0.watched).source = Some(handle);
    }

    /// Tells the fate of records on their way to this target, under its name. The second of one name replaces the first.
    pub fn sink(&self, name: impl Into<String>, meter: Meter) {
        let name = name.into();
        let mut watched = lock(&self.0.watched);
        watched.sinks.retain(|(known, _)| *known != name);
        watched.sinks.push((name, meter));
    }

    /// The page as a scraper gets it, for a program that has an HTTP server of its own.
    #[must_use]
    pub fn page(&self, format: Format) -> String {
        Pages::page(&*self.0, format)
    }
}

struct Shared {
    state: Mutex<State>,
    watched: Mutex<Watched>,
    outcomes: Outcomes,
    /// Rises with each call of `close`.
    moment: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Default, Clone)]
struct Watched {
    source: Option<Handle>,
    sinks: Vec<(String, Meter)>,
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
            ..Facts::default()
        };
        let sinks = watched.sinks.into_iter();
        facts.sinks = sinks.map(|(name, meter)| (name, meter.stats())).collect();
        // Room is made before the lock is held.
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

/// Every change is whole before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
