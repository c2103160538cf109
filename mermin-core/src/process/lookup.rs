//! The thread that looks sockets up, and its results.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{listening, namespaces::Namespaces, owners::Owners};
use crate::flow::{Direction, Flow, Process, Protocol};

/// Largest number of flows that wait for a lookup.
const QUEUE: usize = 8192;
/// Shortest time between two scans of all processes.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a scan, in durations of that scan: scans take at most a twentieth of the time.
const PAUSE_PER_SCAN: u32 = 20;
/// Time between two scans if no flow waits. A scan releases the network namespaces of containers that have ended.
const REFRESH: Duration = Duration::from_secs(10);

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

struct Request {
    flow: FlowRef,
    ends: FlowEndpoints,
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
        let worker = Worker {
            wanted,
            namespaces,
            owners: Owners::default(),
            answers: Arc::clone(&answers),
            pending: Vec::new(),
            next_scan: Instant::now(),
            next_refresh: Instant::now(),
        };
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

/// A flow with an incomplete result.
struct Pending {
    flow: FlowRef,
    ends: FlowEndpoints,
}

struct Worker {
    wanted: Wanted,
    namespaces: Namespaces,
    owners: Owners,
    answers: Arc<LookupResults>,
    pending: Vec<Pending>,
    next_scan: Instant,
    next_refresh: Instant,
}

impl Worker {
    fn run(mut self, requests: &Receiver<Request>) {
        self.scan();
        loop {
            let request = match self.due() {
                Some(due) => requests.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match request {
                Ok(Request { flow, ends }) if self.answers.are_wanted() => {
                    self.resolve_or_keep(flow, ends);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
            }
            // A continuous stream of requests must not delay the scan.
            if self.due().is_some_and(|due| due <= Instant::now()) {
                self.scan();
                self.resolve_pending();
            }
        }
    }

    /// Returns the time of the next scan; `None` if there is nothing to find or release.
    fn due(&self) -> Option<Instant> {
        if self.pending.is_empty() {
            self.namespaces.has_others().then_some(self.next_refresh)
        } else {
            Some(self.next_scan)
        }
    }

    /// Looks a flow up now. If the result is incomplete and there is room, the next scan looks it up again.
    fn resolve_or_keep(&mut self, flow: FlowRef, ends: FlowEndpoints) {
        if self.resolve(flow, &ends) {
            return;
        }
        if self.pending.len() < QUEUE {
            self.pending.push(Pending { flow, ends });
        } else if self.wanted.processes {
            // A flow that waits only for listening ports does not count, because both sides were already asked.
            self.answers.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn resolve_pending(&mut self) {
        for Pending { flow, ends } in std::mem::take(&mut self.pending) {
            if !self.answers.are_wanted() {
                return;
            }
            self.resolve(flow, &ends);
        }
    }

    /// Scans all processes.
    fn scan(&mut self) {
        let began = Instant::now();
        let answers = Arc::clone(&self.answers);
        let go_on = || answers.are_wanted();
        self.owners = Owners::read(self.wanted.processes, go_on);
        self.namespaces.update(&self.owners.namespaces, go_on);
        let pause = began.elapsed() * PAUSE_PER_SCAN;
        self.next_scan = Instant::now() + PAUSE.max(pause);
        self.next_refresh = Instant::now() + REFRESH.max(pause);
    }

    /// Looks a flow up. Returns true if the result is final.
    fn resolve(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let has_processes = !self.wanted.processes || self.find_processes(flow, ends);
        let has_listener =
            !self.wanted.listening_ports || ends.is_opened || self.find_listener(flow, ends);
        has_processes && has_listener
    }

    /// Finds the side of a flow that listens. Returns true if the result is final: another scan of network
    /// namespaces cannot change it.
    fn find_listener(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let told = listening::decide(ends, |end| self.namespaces.listening(ends.protocol, end));
        if told.direction != Direction::Unknown {
            let put = |answer: &mut LookupResult| answer.listening = told.direction;
            self.answers.put(flow, put);
        }
        !told.may_change
    }

    /// Finds the processes of a flow. Returns true if at least one process was found, and one for each socket that was
    /// found.
    fn find_processes(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let (source, destination) = (ends.source, ends.destination);
        let inodes = [(source, destination), (destination, source)]
            .map(|(own, other)| self.namespaces.find(ends.protocol, own, other));
        let found = inodes.map(|inode| self.owners.of(inode?).cloned());
        let all = inodes
            .iter()
            .zip(&found)
            .all(|(inode, found)| inode.is_some() == found.is_some());
        let any = found.iter().any(Option::is_some);
        if any {
            self.answers.put(flow, |answer| answer.processes = found);
        }
        all && any
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::Ipv4Addr};

    use super::*;

    const PROCESSES: Wanted = Wanted {
        processes: true,
        listening_ports: false,
    };

    fn request(slot: u32) -> Request {
        let end = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        Request {
            flow: (slot, 1),
            ends: FlowEndpoints {
                protocol: Protocol::UDP,
                source: end(1),
                destination: end(2),
                is_opened: false,
            },
        }
    }

    /// Returns `None` if the kernel lacks `sock_diag(7)`.
    fn worker(answers: &Arc<LookupResults>) -> Option<Worker> {
        let namespaces = match Namespaces::open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                eprintln!("skipped: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return None;
            }
            opened => opened.unwrap(),
        };
        Some(Worker {
            wanted: PROCESSES,
            namespaces,
            owners: Owners::default(),
            answers: Arc::clone(answers),
            pending: Vec::new(),
            next_scan: Instant::now(),
            next_refresh: Instant::now(),
        })
    }

    #[test]
    fn drop_skips_queued_requests() {
        let answers = Arc::new(LookupResults::default());
        let Some(worker) = worker(&answers) else {
            return;
        };
        let (requests, received) = sync_channel(3);
        for slot in 0..3 {
            assert!(requests.try_send(request(slot)).is_ok());
        }
        answers.is_over.store(true, Ordering::Relaxed);
        drop(requests);
        worker.run(&received);
        let left: Vec<u32> = received.iter().map(|request| request.flow.0).collect();
        assert_eq!(left, [1, 2]);
    }

    #[test]
    fn flows_that_find_no_room_are_counted() {
        let answers = Arc::new(LookupResults::default());
        let Some(mut worker) = worker(&answers) else {
            return;
        };
        let (requests, received) = sync_channel(1);
        let lookup = Lookup {
            requests: Some(requests),
            thread: None,
            answers: Arc::clone(&answers),
            wanted: PROCESSES,
        };
        let Request { ends, .. } = request(0);
        assert!(lookup.ask(1, 1, Some(ends)));
        assert!(!lookup.ask(2, 1, Some(ends)));
        // A flow without endpoints takes no room.
        assert!(lookup.ask(3, 1, None));
        for slot in 0..QUEUE + 2 {
            worker.resolve_or_keep((u32::try_from(slot).unwrap(), 1), ends);
        }
        assert_eq!((lookup.take_missed(), lookup.take_missed()), (2, 0));
        drop(received);
        assert!(!lookup.ask(4, 1, Some(ends)));
    }
}
