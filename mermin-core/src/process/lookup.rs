//! Requests to look sockets up, and the results.

mod worker;

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use rustix::thread::CapabilitySet;

use self::worker::{Request, Worker};
use super::namespaces::Namespaces;
use crate::{
    flow::{Direction, Flow, Process, Protocol},
    probe::privilege::{CAP_DAC_READ_SEARCH, lacks},
    sys::capabilities::keep_only,
};

/// Largest number of flows in the queue. The capture thread asks about further ones later.
const QUEUE: usize = 8192;
/// Protocols with sockets that can be looked up.
const PROTOCOLS: [Protocol; 2] = [Protocol::TCP, Protocol::UDP];

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
    /// Index of the interface that saw the flow, in the watched network namespace; 0 if flows do not have it.
    pub(crate) interface: u32,
}

/// Kinds of look-ups.
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
    /// The look-up is requested, or there is nothing to look up.
    is_asked: bool,
}

impl LookupResult {
    /// Returns the record with the known processes.
    pub(crate) fn add_processes(self, mut record: Flow) -> Flow {
        [record.source_process, record.destination_process] = self.processes;
        record
    }
}

impl Default for LookupResult {
    fn default() -> Self {
        Self {
            processes: Pair::default(),
            listening: Direction::Unknown,
            is_asked: false,
        }
    }
}

/// Results of the look-ups.
#[derive(Debug, Default)]
struct LookupResults {
    /// One entry for each open flow that is looked up or waits for room in the queue.
    flows: Mutex<HashMap<FlowRef, LookupResult>>,
    /// Flows that ended before there was room in the queue, and flows whose processes were not found at once and for which the
    /// list of incomplete ones had no room.
    missed: AtomicU64,
    /// The owner has dropped the look-up, so no result is needed.
    is_over: AtomicBool,
}

impl LookupResults {
    fn lock(&self) -> MutexGuard<'_, HashMap<FlowRef, LookupResult>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn are_awaited(&self) -> bool {
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
    /// Protocols whose sockets the kernel looks up.
    protocols: Vec<Protocol>,
}

impl Lookup {
    /// Looks in the calling thread's network namespace and in the namespaces of other processes. With `drop_capabilities`,
    /// its thread gives up those capabilities of the caller that it does not need.
    ///
    /// # Errors
    /// The system call's error if there is no netlink socket or no thread, or if the kernel looks up sockets of no protocol.
    pub(crate) fn start(wanted: Wanted, drop_capabilities: bool) -> io::Result<Self> {
        let mut namespaces = Namespaces::open()?;
        let mut protocols = Vec::new();
        for protocol in PROTOCOLS {
            if namespaces.can_find(protocol)? {
                protocols.push(protocol);
            }
        }
        if protocols.is_empty() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let (requests, received) = sync_channel(QUEUE);
        let answers = Arc::new(LookupResults::default());
        let worker = Worker::new(wanted, namespaces, Arc::clone(&answers));
        let thread = thread::Builder::new()
            .name("mermin-process".to_owned())
            .spawn(move || {
                if drop_capabilities {
                    // If the kernel refuses, the thread keeps the capabilities of the thread that started it.
                    let _ = keep_only(needed(wanted));
                }
                worker.run(&received);
            })?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
            answers,
            wanted,
            protocols,
        })
    }

    /// Returns the protocols whose sockets the kernel does not look up.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Protocol> {
        let is_missing = |protocol: &Protocol| !self.protocols.contains(protocol);
        PROTOCOLS.into_iter().filter(is_missing)
    }

    /// Notes a flow. Returns true if it is new.
    pub(crate) fn begin(&self, slot: u32, first_seen: u64) -> bool {
        match self.answers.lock().entry((slot, first_seen)) {
            Entry::Vacant(entry) => {
                entry.insert(LookupResult::default());
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Returns true if a flow's endpoints may be sockets and there is something to find.
    pub(crate) fn is_to_ask(&self, ends: &FlowEndpoints) -> bool {
        self.protocols.contains(&ends.protocol) && (self.wanted.processes || !ends.is_opened)
    }

    /// Requests a look-up of a noted flow, if it [is to be asked about](Self::is_to_ask). Returns false if the queue is
    /// full: the caller then asks again later.
    pub(crate) fn ask(&self, slot: u32, first_seen: u64, ends: Option<FlowEndpoints>) -> bool {
        let flow = (slot, first_seen);
        let ends = ends.filter(|ends| self.is_to_ask(ends));
        if let Some((requests, ends)) = self.requests.as_ref().zip(ends)
            && let Err(TrySendError::Full(_)) = requests.try_send(Request { flow, ends })
        {
            return false;
        }
        self.answers.put(flow, |answer| answer.is_asked = true);
        true
    }

    /// Returns the number of flows since the last call that have no result for want of room.
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
        let answer = self.answers.lock().remove(&(slot, first_seen));
        if answer.is_some_and(|answer| !answer.is_asked) {
            self.answers.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns the capabilities for sockets of all network namespaces and, for processes, for `/proc/PID/fd`: only the process's user may
/// list it.
fn needed(wanted: Wanted) -> CapabilitySet {
    let for_sockets =
        CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_PTRACE;
    match wanted.processes {
        false => for_sockets,
        // `CAP_DAC_OVERRIDE` also lets the thread read, but write as well. It is kept only if `CAP_DAC_READ_SEARCH` is missing.
        true if lacks(CAP_DAC_READ_SEARCH) => for_sockets | CapabilitySet::DAC_OVERRIDE,
        true => for_sockets | CapabilitySet::DAC_READ_SEARCH,
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
