//! Requests to look up sockets and translations, and the results.

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
use super::{namespaces::Namespaces, opened_by::OpenedBy};
use crate::{
    flow::{Direction, Flow, Nat, Process, Protocol},
    nat::{Conntrack, Tuple},
    probe::privilege::{CAP_DAC_READ_SEARCH, for_bpf, lacks},
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
    /// The source is the higher endpoint of the flow's key.
    pub(crate) is_source_higher: bool,
    /// Index of the interface that saw the flow, in the watched network namespace; 0 if flows do not have it.
    pub(crate) interface: u32,
}

/// A flow, as each kind of look-up needs it. A part is absent if that kind cannot find the flow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Question {
    pub(crate) sockets: Option<FlowEndpoints>,
    pub(crate) translation: Option<Tuple>,
}

impl Question {
    /// Returns true if there is something to look up.
    pub(crate) fn any(&self) -> bool {
        self.sockets.is_some() || self.translation.is_some()
    }
}

/// Kinds of look-ups of sockets.
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
    /// Its addresses on the other side of a translation, if it has one.
    nat: Option<Nat>,
    /// The look-up is requested, or there is nothing to look up.
    is_asked: bool,
}

impl LookupResult {
    /// Adds the known processes and the translation to a record.
    pub(crate) fn add_to(self, record: &mut Flow) {
        [record.source_process, record.destination_process] = self.processes;
        record.nat = self.nat.map(Box::new);
    }
}

impl Default for LookupResult {
    fn default() -> Self {
        Self {
            processes: Pair::default(),
            listening: Direction::Unknown,
            nat: None,
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

    /// Returns true if the flow has not ended.
    fn knows(&self, flow: FlowRef) -> bool {
        self.lock().contains_key(&flow)
    }

    /// Changes a flow's result. Does nothing if the flow has ended.
    fn put(&self, flow: FlowRef, found: impl FnOnce(&mut LookupResult)) {
        if let Some(answer) = self.lock().get_mut(&flow) {
            found(answer);
        }
    }
}

/// The sockets of all network namespaces, of the protocols whose sockets the kernel looks up: at least one.
pub(crate) struct SocketFinder {
    namespaces: Namespaces,
    protocols: Vec<Protocol>,
    wanted: Wanted,
}

impl SocketFinder {
    /// Looks in the calling thread's network namespace and in the namespaces of other processes.
    ///
    /// # Errors
    /// The system call's error if there is no netlink socket, or if the kernel looks up sockets of no protocol.
    pub(crate) fn open(wanted: Wanted) -> io::Result<Self> {
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
        Ok(Self {
            namespaces,
            protocols,
            wanted,
        })
    }

    /// Returns the protocols whose sockets the kernel does not look up.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Protocol> {
        let is_missing = |protocol: &Protocol| !self.protocols.contains(protocol);
        PROTOCOLS.into_iter().filter(is_missing)
    }
}

/// Looks sockets and translations up in a thread beside the capture thread. Dropping it waits for the thread, which skips the rest of
/// the queue.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// `None` during the drop.
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    answers: Arc<LookupResults>,
    wanted: Wanted,
    /// Protocols whose sockets the kernel looks up. Empty if no sockets are looked up.
    protocols: Vec<Protocol>,
    /// Translations are looked up.
    has_translations: bool,
}

impl Lookup {
    /// Starts the thread. With `drop_capabilities`, it gives up those capabilities of the caller that it does not need.
    ///
    /// # Errors
    /// The system call's error if there is no thread.
    pub(crate) fn start(
        sockets: Option<SocketFinder>,
        opened_by: Option<OpenedBy>,
        conntrack: Option<Conntrack>,
        drop_capabilities: bool,
    ) -> io::Result<Self> {
        let (requests, received) = sync_channel(QUEUE);
        let answers = Arc::new(LookupResults::default());
        let (wanted, protocols, namespaces) = match sockets {
            Some(sockets) => (sockets.wanted, sockets.protocols, Some(sockets.namespaces)),
            None => (Wanted::default(), Vec::new(), None),
        };
        let has_translations = conntrack.is_some();
        let worker = Worker::new(
            wanted,
            namespaces,
            opened_by,
            conntrack,
            Arc::clone(&answers),
        );
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
            has_translations,
        })
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

    /// Returns the parts of a question to which there may be an answer.
    pub(crate) fn answerable(&self, question: Question) -> Question {
        let has_sockets = |ends: &FlowEndpoints| {
            self.protocols.contains(&ends.protocol) && (self.wanted.processes || !ends.is_opened)
        };
        Question {
            sockets: question.sockets.filter(has_sockets),
            translation: question.translation.filter(|_| self.has_translations),
        }
    }

    /// Requests a look-up of a noted flow, if the question is [answerable](Self::answerable). Returns false if the queue is
    /// full: the caller then asks again later.
    pub(crate) fn ask(&self, slot: u32, first_seen: u64, question: Question) -> bool {
        let flow = (slot, first_seen);
        let question = self.answerable(question);
        if let Some(requests) = self.requests.as_ref().filter(|_| question.any())
            && let Err(TrySendError::Full(_)) = requests.try_send(Request { flow, question })
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

/// Returns the capabilities for translations, for sockets of all network namespaces and, for processes, for the map of openers and for
/// `/proc/PID/fd`: only the process's user may list it.
fn needed(wanted: Wanted) -> CapabilitySet {
    if !wanted.any() {
        return CapabilitySet::NET_ADMIN;
    }
    let for_sockets =
        CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_PTRACE;
    let for_processes = for_sockets | for_bpf();
    match wanted.processes {
        false => for_sockets,
        // `CAP_DAC_OVERRIDE` also lets the thread read, but write as well. It is kept only if `CAP_DAC_READ_SEARCH` is missing.
        true if lacks(CAP_DAC_READ_SEARCH) => for_processes | CapabilitySet::DAC_OVERRIDE,
        true => for_processes | CapabilitySet::DAC_READ_SEARCH,
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
