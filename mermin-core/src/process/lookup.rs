//! The thread that looks processes up, and what it found.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{namespaces::Namespaces, owners::Owners};
use crate::flow::{Process, Protocol};

/// Flows that wait to be looked up at most.
const QUEUE: usize = 8192;
/// Looking at all processes is done no sooner than this after the last time, nor for more than a twentieth of the time.
const PAUSE: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;

/// A flow: its slot, and when it began there.
type Name = (u32, u64);
/// Processes of source and destination, where they are known.
type Pair = [Option<Arc<Process>>; 2];

/// Protocol and ends of a flow, the source first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

struct Request {
    flow: Name,
    ends: Ends,
}

/// Answers found or awaited: one entry for each open flow that was asked about.
#[derive(Debug, Default)]
struct Answers(Mutex<HashMap<Name, Pair>>);

impl Answers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Pair>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a flow that has ended nobody wants to know.
    fn put(&self, flow: Name, found: Pair) {
        if let Some(pair) = self.lock().get_mut(&flow) {
            *pair = found;
        }
    }
}

/// Looks processes up beside the capture thread. Dropping it waits for the end of its thread.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// None once it is dropped.
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    answers: Arc<Answers>,
}

impl Lookup {
    /// Of the sockets of the calling thread's network namespace, and of those that other processes are in.
    ///
    /// # Errors
    /// No netlink socket, or no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let namespaces = Namespaces::open()?;
        let (requests, received) = sync_channel(QUEUE);
        let answers = Arc::new(Answers::default());
        let worker = Worker {
            namespaces,
            owners: Owners::default(),
            answers: Arc::clone(&answers),
            pending: Vec::new(),
            next_look: Instant::now(),
        };
        let thread = thread::Builder::new()
            .name("mermin-process".to_owned())
            .spawn(move || worker.run(&received))?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
            answers,
        })
    }

    /// True if the flow was asked about.
    pub(crate) fn knows(&self, slot: u32, first_seen: u64) -> bool {
        self.answers.lock().contains_key(&(slot, first_seen))
    }

    /// Has a flow looked up, whose ends can be. False where it finds no room in the queue, and stays without a process.
    pub(crate) fn ask(&self, slot: u32, first_seen: u64, ends: Option<Ends>) -> bool {
        let flow = (slot, first_seen);
        self.answers.lock().insert(flow, [None, None]);
        let Some(ends) = ends else { return true };
        let requests = self.requests.as_ref();
        let sent = requests.map(|requests| requests.try_send(Request { flow, ends }));
        !matches!(sent, Some(Err(TrySendError::Full(_))))
    }

    /// Processes of a flow that are known by now.
    pub(crate) fn of(&self, slot: u32, first_seen: u64) -> Pair {
        let answers = self.answers.lock();
        answers
            .get(&(slot, first_seen))
            .cloned()
            .unwrap_or_default()
    }

    /// The flow has ended.
    pub(crate) fn forget(&self, slot: u32, first_seen: u64) {
        self.answers.lock().remove(&(slot, first_seen));
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has no more to lose than answers.
            let _ = thread.join();
        }
    }
}

/// Sockets of a flow's ends that were found, and whose process is not known yet.
struct Pending {
    flow: Name,
    ends: Ends,
}

struct Worker {
    namespaces: Namespaces,
    owners: Owners,
    answers: Arc<Answers>,
    pending: Vec<Pending>,
    next_look: Instant,
}

impl Worker {
    fn run(mut self, requests: &Receiver<Request>) {
        self.look();
        loop {
            let request = if self.pending.is_empty() {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let left = self.next_look.saturating_duration_since(Instant::now());
                requests.recv_timeout(left)
            };
            match request {
                Ok(Request { flow, ends }) => {
                    let known = self.resolve(flow, &ends);
                    // Those that come without a pause must not keep the others from a look.
                    if !known && self.pending.len() < QUEUE {
                        self.pending.push(Pending { flow, ends });
                    }
                    if Instant::now() < self.next_look {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.pending.is_empty() {
                self.look();
                for Pending { flow, ends } in std::mem::take(&mut self.pending) {
                    self.resolve(flow, &ends);
                }
            }
        }
    }

    /// Looks at all processes.
    fn look(&mut self) {
        let began = Instant::now();
        self.owners = Owners::read();
        self.namespaces.update(&self.owners.namespaces);
        self.next_look = Instant::now() + PAUSE.max(began.elapsed() * SHARE);
    }

    /// Looks a flow up. True if one of its ends is known, or both are nobody's.
    fn resolve(&mut self, flow: Name, ends: &Ends) -> bool {
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
            self.answers.put(flow, found);
        }
        all && any
    }
}
