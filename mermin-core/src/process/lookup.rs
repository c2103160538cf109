//! Requests to look sockets up, and the results.

mod worker;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use self::worker::{Request, Worker};
use super::namespaces::Namespaces;
use crate::flow::{Direction, Flow, Process, Protocol};

/// Largest number of flows that wait for a lookup.
const QUEUE: usize = 8192;

/// A flow: its slot and the time of its first packet.
type FlowRef = (u32, u64);
/// Processes of source and destination, if known.
type Pair = [Option<Arc<Process>>; 2];

/// Protocol and endpoints of a flow, the source first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowEndpoints {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// The first packet opened a connection, so the client is known.
    pub(crate) is_opened: bool,
}

/// Kinds of lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Find the processes of both sides.
    pub(crate) processes: bool,
    /// Find the side with a listening port.
    pub(crate) listening_ports: bool,
}

impl Wanted {
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

/// Results for a flow so far.
#[derive(Clone, Debug)]
pub(crate) struct LookupResult {
    /// Processes of source and destination, if known.
    pub(crate) processes: Pair,
    /// Its direction by listening ports.
    pub(crate) listening: Direction,
}

impl LookupResult {
    /// Adds the known processes to a record.
    pub(crate) fn name(self, mut record: Flow) -> Flow {
        [record.source_process, record.destination_process] = self.processes;
        record
    }
}

impl Default for LookupResult {
    fn default() -> Self {
        Self {
            processes: Pair::default(),
            listening: Direction::Unknown,
        }
    }
}

/// Results of the lookups.
#[derive(Debug, Default)]
struct LookupResults {
    /// One entry for each open flow with a request, even before its result is known.
    flows: Mutex<HashMap<FlowRef, LookupResult>>,
    /// Flows that did not fit into the queue.
    missed: AtomicU64,
    /// The owner has dropped the lookup, so no result is needed.
    is_over: AtomicBool,
}

impl LookupResults {
    fn lock(&self) -> MutexGuard<'_, HashMap<FlowRef, LookupResult>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn are_wanted(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Changes a flow's result. Does nothing if the flow has ended.
    fn put(&self, flow: FlowRef, found: impl FnOnce(&mut LookupResult)) {
        if let Some(answer) = self.lock().get_mut(&flow) {
            found(answer);
        }
    }
}

/// Looks sockets up in a thread beside the capture thread. Dropping it waits for the thread, which skips the rest of
/// the queue.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// `None` during the drop.
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    answers: Arc<LookupResults>,
    wanted: Wanted,
}

impl Lookup {
    /// Looks in the calling thread's network namespace and in the namespaces of other processes.
    ///
    /// # Errors
    /// The system call's error if there is no netlink socket or no thread.
    pub(crate) fn start(wanted: Wanted) -> io::Result<Self> {
        let namespaces = Namespaces::open()?;
        let (requests, received) = sync_channel(QUEUE);
        let answers = Arc::new(LookupResults::default());
        let worker = Worker::new(wanted, namespaces, Arc::clone(&answers));
        let thread = thread::Builder::new()
            .name("mermin-process".to_owned())
            .spawn(move || worker.run(&received))?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
            answers,
            wanted,
        })
    }

    /// Returns true if the flow was asked about.
    pub(crate) fn knows(&self, slot: u32, first_seen: u64) -> bool {
        self.answers.lock().contains_key(&(slot, first_seen))
    }

    /// Requests a lookup if the endpoints may be sockets and there is something to find. Returns false if the queue is
    /// full; the flow then has no result.
    pub(crate) fn ask(&self, slot: u32, first_seen: u64, ends: Option<FlowEndpoints>) -> bool {
        let flow = (slot, first_seen);
        self.answers.lock().insert(flow, LookupResult::default());
        let is_to_ask = |ends: &FlowEndpoints| self.wanted.processes || !ends.is_opened;
        let Some(ends) = ends.filter(is_to_ask) else {
            return true;
        };
        let requests = self.requests.as_ref();
        requests.is_some_and(|requests| requests.try_send(Request { flow, ends }).is_ok())
    }

    /// Returns the number of flows since the last call that have no result because the queue was full.
    pub(crate) fn take_missed(&self) -> u64 {
        self.answers.missed.swap(0, Ordering::Relaxed)
    }

    /// Returns the results for a flow so far.
    pub(crate) fn of(&self, slot: u32, first_seen: u64) -> LookupResult {
        let answers = self.answers.lock();
        answers
            .get(&(slot, first_seen))
            .cloned()
            .unwrap_or_default()
    }

    /// Forgets a flow that has ended.
    pub(crate) fn forget(&self, slot: u32, first_seen: u64) {
        self.answers.lock().remove(&(slot, first_seen));
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.answers.is_over.store(true, Ordering::Relaxed);
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // After a panic of the thread, only results are missing.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
