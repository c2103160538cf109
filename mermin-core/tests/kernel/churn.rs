//! Interfaces that live for a moment, like those of short jobs: each is watched in time, and nothing of it stays.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use mermin_core::Attach;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};

use crate::support::{
    attached,
    frame::numbered,
    host::{Host, Pair},
    process::{Holdings, extent, resident},
    traffic::Injector,
    wait::until_true,
    watch::{Watch, on},
};

/// How long a pair lives at least.
const LIFE: Duration = Duration::from_millis(200);
/// Pairs that live at once.
const AT_ONCE: u32 = 4;
/// Frames sent over each pair just before it goes.
const FRAMES: u64 = 5;

crate::cases! {
    each_mode_alone short_lived_interfaces_leave_nothing,
}

fn short_lived_interfaces_leave_nothing(mode: Attach) {
    let pair = Pair::new();
    let mut watch = Watch::open(
        &pair.near,
        on("/v0|x[0-9]+/").max_flows(16_384).attach(mode),
    );
    let events = Arc::new(Events::listen(&pair.near));
    let count = u32::try_from(extent("MERMIN_CHURN_PAIRS", 200)).unwrap();
    // Resources that the first ones take may be of the process.
    let mut told = run(&pair, &mut watch, &events, 0..20);
    let before = (Holdings::now(), resident());
    told += run(&pair, &mut watch, &events, 20..20 + count);
    let after = (Holdings::now(), resident());
    assert!(after.0.is_within(before.0), "{before:?} {after:?}");
    assert!(after.1 <= before.1 + 2048, "KiB: {before:?} {after:?}");
    let stats = watch.stats();
    let total = u64::from(count) + 20;
    let found = stats.interfaces;
    assert_eq!((found.missed, found.resyncs), (0, 0), "{found:?}");
    assert_eq!(
        (found.attached, found.detached),
        (total + 1, total),
        "{found:?}"
    );
    assert_eq!(told, total * FRAMES);
    let mut lags = std::mem::take(&mut *events.lags.lock().unwrap());
    lags.sort_unstable();
    let at = |share: usize| lags[(lags.len() - 1) * share / 1000];
    eprintln!(
        "{mode:?}: from link event to both hooks, of {}: median {:?}, p99 {:?}, longest {:?}; a sweep took {:?}",
        lags.len(),
        at(500),
        at(990),
        at(1000),
        stats.last_sweep
    );
    watch.shut();
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

/// Makes these pairs and takes them away again, a few at once. Returns packets in their records.
fn run(pair: &Pair, watch: &mut Watch, events: &Arc<Events>, numbers: std::ops::Range<u32>) -> u64 {
    let handle = watch.handle.clone();
    let mut told = 0;
    let mut take = |time| {
        watch.take_for(time);
        for flow in watch.flows.drain(..) {
            told += flow.forward.packets.delta;
        }
    };
    let next = AtomicU32::new(numbers.start);
    let left = AtomicU32::new(AT_ONCE);
    let departed = handle.stats().interfaces.detached + u64::from(numbers.end - numbers.start);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    let name = format!("x{number}");
                    pair.link(&name, &format!("y{number}"));
                    let born = Instant::now();
                    let index = pair.near.index(&name);
                    until_true(&format!("programs at {name}"), || {
                        let report = handle.report();
                        let at = report.interfaces.iter().find(|at| at.index == index);
                        at.is_some_and(|at| at.ingress.is_some() && at.egress.is_some())
                    });
                    events.attached(index);
                    thread::sleep(LIFE.saturating_sub(born.elapsed()));
                    let injector = Injector::new(&pair.near, &name);
                    for frame in 0..FRAMES {
                        injector.send(&numbered(frame));
                    }
                    drop(injector);
                    pair.near.shell(&format!("ip link del {name}"));
                }
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while left.load(Ordering::Relaxed) != 0 {
            take(Duration::from_millis(20));
        }
    });
    while handle.stats().interfaces.detached < departed {
        take(Duration::from_millis(20));
    }
    take(Duration::from_millis(200));
    told
}

/// The time of the kernel's first notification of each link, and the delay until programs were attached.
struct Events {
    told: Arc<Mutex<HashMap<u32, Instant>>>,
    lags: Mutex<Vec<Duration>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Events {
    fn listen(host: &Host) -> Self {
        let socket = host.run(|| {
            let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
            socket.bind_auto().unwrap();
            socket.add_membership(1).unwrap();
            socket.set_non_blocking(true).unwrap();
            socket
        });
        let told = Arc::<Mutex<HashMap<u32, Instant>>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, stopped) = (Arc::clone(&told), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut buffer = Vec::with_capacity(65_536);
            while !stopped.load(Ordering::Relaxed) {
                buffer.clear();
                if socket.recv(&mut buffer, 0).is_err() {
                    thread::sleep(Duration::from_micros(500));
                    continue;
                }
                // `struct nlmsghdr` has 16 octets, and the index is the second word behind it.
                if buffer[4..6] == 16_u16.to_ne_bytes() && buffer[16] == 0 {
                    let index = u32::from_ne_bytes(buffer[20..24].try_into().unwrap());
                    kept.lock()
                        .unwrap()
                        .entry(index)
                        .or_insert_with(Instant::now);
                }
            }
        });
        Self {
            told,
            lags: Mutex::default(),
            stop,
            thread: Some(thread),
        }
    }

    fn attached(&self, index: u32) {
        if let Some(told) = self.told.lock().unwrap().remove(&index) {
            self.lags.lock().unwrap().push(told.elapsed());
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
