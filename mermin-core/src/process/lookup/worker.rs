//! The thread that looks up sockets and translations.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    super::{
        listening::{self, Listening},
        namespaces::Namespaces,
        opened_by::OpenedBy,
        owners::Owners,
    },
    FlowEndpoints, FlowRef, LookupResult, LookupResults, Pair, QUEUE, Question, Wanted,
};
use crate::{
    flow::Direction,
    nat::{Conntrack, Tracked, Tuple},
};

/// Shortest time between two scans of all processes.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a scan, in durations of that scan: scans take at most a twentieth of the time.
const PAUSE_PER_SCAN: u32 = 20;
/// Time between two scans if no flow waits. A scan releases the network namespaces of containers that have ended.
const REFRESH: Duration = Duration::from_secs(10);

/// Time after which connection tracking is asked again about a flow that it does not have. The hook sees a packet before the kernel
/// makes the packet's entry.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A flow to look up.
pub(super) struct Request {
    pub(super) flow: FlowRef,
    pub(super) question: Question,
}

/// A flow with an incomplete result of sockets.
struct Pending {
    flow: FlowRef,
    ends: FlowEndpoints,
}

/// A flow that connection tracking did not have, and the time to ask again.
struct Untracked {
    flow: FlowRef,
    tuple: Tuple,
    due: Instant,
}

/// The parts of a result that another scan cannot complete. A part that is not wanted is final, and so is the listener of
/// a flow that has none.
struct Final {
    processes: bool,
    listener: bool,
}

pub(super) struct Worker {
    wanted: Wanted,
    /// `None` if no sockets are looked up.
    namespaces: Option<Namespaces>,
    /// `None` if nothing notes who opens sockets.
    opened_by: Option<OpenedBy>,
    /// `None` if no translations are looked up.
    conntrack: Option<Conntrack>,
    owners: Owners,
    answers: Arc<LookupResults>,
    pending: Vec<Pending>,
    /// The earliest first.
    untracked: VecDeque<Untracked>,
    next_scan: Instant,
    next_refresh: Instant,
}

impl Worker {
    pub(super) fn new(
        wanted: Wanted,
        namespaces: Option<Namespaces>,
        opened_by: Option<OpenedBy>,
        conntrack: Option<Conntrack>,
        answers: Arc<LookupResults>,
    ) -> Self {
        Self {
            wanted,
            namespaces,
            opened_by,
            conntrack,
            owners: Owners::default(),
            answers,
            pending: Vec::new(),
            untracked: VecDeque::new(),
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
                Ok(Request { flow, question }) if self.answers.are_awaited() => {
                    self.answer(flow, question, Instant::now());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
            }
            // A continuous stream of requests must not delay the scan.
            if self.scan_due().is_some_and(|due| due <= Instant::now()) {
                self.scan();
                self.resolve_pending();
            }
            self.ask_again(Instant::now());
        }
    }

    /// Returns the time of the next step; `None` if there is nothing to find or release.
    fn due(&self) -> Option<Instant> {
        let untracked = self.untracked.front().map(|flow| flow.due);
        [self.scan_due(), untracked].into_iter().flatten().min()
    }

    /// Returns the time of the next scan; `None` if there is nothing to find or release.
    fn scan_due(&self) -> Option<Instant> {
        if self.pending.is_empty() {
            let has_others = self.namespaces.as_ref().is_some_and(Namespaces::has_others);
            has_others.then_some(self.next_refresh)
        } else {
            Some(self.next_scan)
        }
    }

    /// Looks a flow up at `now`. A translation comes first, because its entry may go, and sockets may take long.
    fn answer(&mut self, flow: FlowRef, question: Question, now: Instant) {
        if let Some(tuple) = question.translation
            && !self.find_translation(flow, &tuple)
            && self.untracked.len() < QUEUE
        {
            let due = now + ASK_AGAIN;
            self.untracked.push_back(Untracked { flow, tuple, due });
        }
        if let Some(ends) = question.sockets {
            self.resolve_or_keep(flow, ends);
        }
    }

    /// Asks connection tracking once more about the flows that are due at `now`.
    fn ask_again(&mut self, now: Instant) {
        while self.answers.are_awaited()
            && self.untracked.front().is_some_and(|flow| flow.due <= now)
            && let Some(Untracked { flow, tuple, .. }) = self.untracked.pop_front()
        {
            if self.answers.knows(flow) {
                self.find_translation(flow, &tuple);
            }
        }
    }

    /// Looks for the translation of a flow. Returns false if connection tracking does not have the flow, or gave no answer.
    fn find_translation(&mut self, flow: FlowRef, tuple: &Tuple) -> bool {
        let found = self.conntrack.as_mut().map(|it| it.find(tuple));
        match found {
            Some(Ok(Tracked::Translated(nat))) => {
                self.answers.put(flow, |answer| answer.nat = Some(nat));
                true
            }
            Some(Ok(Tracked::Unchanged)) => true,
            Some(Ok(Tracked::Not) | Err(_)) | None => false,
        }
    }

    /// Looks the sockets of a flow up now. If the result is incomplete and there is room, the next scan looks it up again.
    pub(super) fn resolve_or_keep(&mut self, flow: FlowRef, ends: FlowEndpoints) {
        let known = self.resolve(flow, &ends);
        if known.processes && known.listener {
            return;
        }
        if self.pending.len() < QUEUE {
            self.pending.push(Pending { flow, ends });
        } else if !known.processes {
            // A flow that lacks only its listener is not counted: no known network namespace has either address, so most
            // such flows are forwarded, and nothing is missed.
            self.answers.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn resolve_pending(&mut self) {
        for Pending { flow, ends } in std::mem::take(&mut self.pending) {
            if !self.answers.are_awaited() {
                return;
            }
            self.resolve(flow, &ends);
        }
    }

    /// Scans all processes, if sockets are looked up.
    pub(super) fn scan(&mut self) {
        let Some(namespaces) = &mut self.namespaces else {
            return;
        };
        let began = Instant::now();
        let answers = Arc::clone(&self.answers);
        let go_on = || answers.are_awaited();
        self.owners = Owners::read(self.wanted.processes, go_on);
        if let Some(opened_by) = &mut self.opened_by {
            opened_by.forget();
        }
        namespaces.update(&self.owners.namespaces, go_on);
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
            let namespaces = self.namespaces.as_mut();
            namespaces.map_or(Listening::Elsewhere, |namespaces| {
                namespaces.listening(ends.protocol, end, ends.interface)
            })
        });
        if side.direction != Direction::Unknown {
            let put = |answer: &mut LookupResult| answer.listening = side.direction;
            self.answers.put(flow, put);
        }
        !side.may_change
    }

    /// Finds the processes of a flow. Returns true if at least one process was found, and one for each socket that was
    /// found.
    ///
    /// The process that has a socket open comes before the one that opened it, which may have passed it on. A flow of which only
    /// the opener is known is looked up again: the socket's network namespace may not be known yet.
    fn find_processes(&mut self, flow: FlowRef, ends: &FlowEndpoints) -> bool {
        let (source, destination) = (ends.source, ends.destination);
        let opened_by = self.opened_by.as_mut();
        let openers = opened_by.map_or_else(Pair::default, |it| {
            it.find(flow.0, ends.protocol, ends.is_source_higher)
        });
        let inodes = [(source, destination), (destination, source)].map(|(own, other)| {
            let namespaces = self.namespaces.as_mut()?;
            namespaces.find(ends.protocol, own, other, ends.interface)
        });
        let found = inodes.map(|inode| self.owners.of(inode?).cloned());
        let all = inodes
            .iter()
            .zip(&found)
            .all(|(inode, found)| inode.is_some() == found.is_some());
        let any = found.iter().any(Option::is_some);
        if any || openers.iter().any(Option::is_some) {
            // A process that was found before may have ended.
            self.answers.put(flow, |answer| {
                let found = found.into_iter().zip(openers);
                for (known, (found, opener)) in answer.processes.iter_mut().zip(found) {
                    *known = found.or(known.take()).or(opener);
                }
            });
        }
        all && any
    }
}
