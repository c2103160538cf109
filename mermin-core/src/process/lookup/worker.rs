//! The thread that looks sockets up.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    super::{listening, namespaces::Namespaces, owners::Owners},
    FlowEndpoints, FlowRef, LookupResult, LookupResults, QUEUE, Wanted,
};
use crate::flow::Direction;

/// Shortest time between two scans of all processes.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a scan, in durations of that scan: scans take at most a twentieth of the time.
const PAUSE_PER_SCAN: u32 = 20;
/// Time between two scans if no flow waits. A scan releases the network namespaces of containers that have ended.
const REFRESH: Duration = Duration::from_secs(10);

/// A flow to look up.
pub(super) struct Request {
    pub(super) flow: FlowRef,
    pub(super) ends: FlowEndpoints,
}

/// The parts of a result that another scan cannot complete. A part that is not wanted is final, and so is the listener of
/// a flow that has none.
struct Final {
    processes: bool,
    listener: bool,
}

pub(super) struct Worker {
    wanted: Wanted,
    namespaces: Namespaces,
    owners: Owners,
    answers: Arc<LookupResults>,
    /// Flows with an incomplete result.
    pending: Vec<Request>,
    next_scan: Instant,
    next_refresh: Instant,
}

impl Worker {
    pub(super) fn new(wanted: Wanted, namespaces: Namespaces, answers: Arc<LookupResults>) -> Self {
        Self {
            wanted,
            namespaces,
            owners: Owners::default(),
            answers,
            pending: Vec::new(),
            next_scan: Instant::now(),
            next_refresh: Instant::now(),
        }
    }

    /// Answers requests until there is no sender any more, or nobody wants answers.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        self.scan();
        loop {
            let request = match self.due() {
                Some(due) => requests.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match request {
                Ok(Request { flow, ends }) if self.answers.are_awaited() => {
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
    pub(super) fn resolve_or_keep(&mut self, flow: FlowRef, ends: FlowEndpoints) {
        let known = self.resolve(flow, &ends);
        if known.processes && known.listener {
            return;
        }
        if self.pending.len() < QUEUE {
            self.pending.push(Request { flow, ends });
        } else if !known.processes {
            // A flow that lacks only its listener is not counted: no known network namespace has either address, so most
            // such flows are forwarded, and nothing is missed.
            self.answers.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn resolve_pending(&mut self) {
        for Request { flow, ends } in std::mem::take(&mut self.pending) {
            if !self.answers.are_awaited() {
                return;
            }
            self.resolve(flow, &ends);
        }
    }

    /// Scans all processes.
    pub(super) fn scan(&mut self) {
        let began = Instant::now();
        let answers = Arc::clone(&self.answers);
        let go_on = || answers.are_awaited();
        self.owners = Owners::read(self.wanted.processes, go_on);
        self.namespaces.update(&self.owners.namespaces, go_on);
        let pause = began.elapsed() * PAUSE_PER_SCAN;
        self.next_scan = Instant::now() + PAUSE.max(pause);
        self.next_refresh = Instant::now() + REFRESH.max(pause);
    }

    /// Looks a flow up. Returns the parts that are final.
    fn resolve(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> Final {
        Final {
            processes: !self.wanted.processes || self.find_processes(flow, ends),
            listener: !self.wanted.listening_ports
                || ends.is_opened
                || self.find_listener(flow, ends),
        }
    }

    /// Finds the side of a flow that listens. Returns true if the result is final: another scan of network
    /// namespaces cannot change it.
    fn find_listener(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let side = listening::decide(ends, |end| {
            self.namespaces
                .listening(ends.protocol, end, ends.interface)
        });
        if side.direction != Direction::Unknown {
            let put = |answer: &mut LookupResult| answer.listening = side.direction;
            self.answers.put(flow, put);
        }
        !side.may_change
    }

    /// Finds the processes of a flow. Returns true if at least one process was found, and one for each socket that was
    /// found.
    fn find_processes(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let (source, destination) = (ends.source, ends.destination);
        let inodes = [(source, destination), (destination, source)].map(|(own, other)| {
            self.namespaces
                .find(ends.protocol, own, other, ends.interface)
        });
        let found = inodes.map(|inode| self.owners.of(inode?).cloned());
        let all = inodes
            .iter()
            .zip(&found)
            .all(|(inode, found)| inode.is_some() == found.is_some());
        let any = found.iter().any(Option::is_some);
        if any {
            // A process that was found before may have ended.
            self.answers.put(flow, |answer| {
                for (known, found) in answer.processes.iter_mut().zip(found) {
                    *known = found.or(known.take());
                }
            });
        }
        all && any
    }
}
