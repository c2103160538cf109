//! Packets through both hooks of `v0` of the near host, counted by their senders.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::support::{frame, host::Pair, traffic::Injector};

/// IP octets of each packet.
pub(crate) const OCTETS: u64 = 68;
/// When a sender rests.
#[derive(Clone, Copy)]
pub(crate) struct Rhythm {
    /// Packets that are sent without a pause.
    pub(crate) burst: u64,
    pub(crate) pause: Duration,
}

/// Few packets at a time.
pub(crate) const STEADY: Rhythm = Rhythm {
    burst: 16,
    pause: Duration::from_millis(1),
};

/// Threads that send until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<[AtomicU64]>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Sends packets of this many flows, half of them out of `v0` and half into it from the other side. A flow that crossed both hooks
    /// in one direction would look like packets that are sent back.
    pub(crate) fn start(pair: &Pair, flows: u64, rhythm: Rhythm) -> Self {
        Self::over(pair, &[["v0", "v1"]], flows, rhythm)
    }

    /// The same over several links: each packet crosses all of them.
    pub(crate) fn over(pair: &Pair, links: &[[&str; 2]], flows: u64, rhythm: Rhythm) -> Self {
        assert!(flows.is_multiple_of(2));
        let stop = Arc::new(AtomicBool::new(false));
        let sent: Arc<[AtomicU64]> = (0..flows).map(|_| AtomicU64::new(0)).collect();
        let frames: Arc<[Vec<u8>]> = (0..flows).map(frame::numbered).collect();
        let at = |host, end: usize| {
            let names = links.iter().map(|link| link[end]);
            names.map(|name| Injector::new(host, name)).collect()
        };
        let sockets: [Vec<Injector>; 2] = [at(&pair.near, 0), at(&pair.far, 1)];
        let threads = (1..).zip(sockets).map(|(seed, sockets)| {
            let (stop, sent, frames) = (Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&frames));
            thread::spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..rhythm.burst {
                        // xorshift64
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let flow = usize::try_from(random % (flows / 2) * 2 + seed % 2).unwrap();
                        for socket in &sockets {
                            socket.send(&frames[flow]);
                        }
                        sent[flow].fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(rhythm.pause);
                }
            })
        });
        Self {
            threads: threads.collect(),
            stop,
            sent,
        }
    }

    /// Stops; how many packets each flow sent.
    pub(crate) fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.sent
            .iter()
            .map(|sent| sent.load(Ordering::Relaxed))
            .collect()
    }
}
