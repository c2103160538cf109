//! Threads that inject packets at full speed and count them exactly.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use mermin_core::lab::{
    Context, HookDirection, Injector,
    frame::{
        flag::{ACK, FIN, RST, SYN},
        tcp, udp,
    },
};

/// Port of the server in every flow; the client's distinguishes flows.
pub(crate) const SERVER_PORT: u16 = 443;
/// Port of the client of flow 0.
pub(crate) const FIRST_PORT: u16 = 1024;

/// Kinds of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Datagrams: flows end by idleness alone.
    Udp,
    /// Connections that open, close and reset all the time, so that the kernel program replaces flows by itself.
    Tcp,
}

/// Packets and IP octets of each flow, client to server and back.
pub(crate) type Counts = Vec<[[u64; 2]; 2]>;

/// Frames of one flow, each way.
struct Frames([Vec<Vec<u8>>; 2]);

impl Frames {
    fn new(kind: Kind, flow: u16) -> Self {
        let port = FIRST_PORT + flow;
        let [third, fourth] = flow.to_be_bytes();
        // Half the flows are IPv6.
        let (client, server): (SocketAddr, SocketAddr) = if flow.is_multiple_of(2) {
            (
                (Ipv4Addr::new(10, 0, third, fourth), port).into(),
                (Ipv4Addr::new(198, 18, 0, 1), SERVER_PORT).into(),
            )
        } else {
            (
                (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, flow), port).into(),
                (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), SERVER_PORT).into(),
            )
        };
        let segments = |from, to, flags: [u8; 4]| {
            flags
                .iter()
                .zip([0, 100, 1, 10])
                .map(|(flags, payload)| tcp(from, to, *flags, payload))
                .collect()
        };
        Self(match kind {
            Kind::Udp => [vec![udp(client, server, 64)], vec![udp(server, client, 10)]],
            Kind::Tcp => [
                segments(client, server, [SYN, ACK, FIN | ACK, SYN]),
                segments(server, client, [SYN | ACK, ACK, FIN | ACK, RST]),
            ],
        })
    }
}

/// Running injectors.
pub(crate) struct Injectors {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Counts>>,
    flows: u16,
}

impl Injectors {
    /// Starts two of them, at the ingress and the egress hook of one interface of this thread's network namespace.
    pub(crate) fn start(injector: &Injector, ifindex: u32, kind: Kind, flows: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = [0_u8, 1]
            .into_iter()
            .map(|number| {
                let (injector, stop) = (injector.clone(), Arc::clone(&stop));
                thread::spawn(move || {
                    pin(usize::from(number));
                    inject(&injector, ifindex, kind, flows, u64::from(number), &stop)
                })
            })
            .collect();
        Self {
            stop,
            threads,
            flows,
        }
    }

    /// Stops them; what they injected.
    pub(crate) fn stop(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = vec![[[0; 2]; 2]; usize::from(self.flows)];
        for thread in self.threads {
            for (sum, counts) in sum.iter_mut().zip(thread.join().unwrap()) {
                for (sum, counts) in sum.iter_mut().flatten().zip(counts.as_flattened()) {
                    *sum += counts;
                }
            }
        }
        sum
    }
}

/// Keeps this thread, and those it starts, on one of the CPUs it may use; wherever it is if there are fewer.
pub(crate) fn pin(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    // The CPU of the first thread, which is not pinned.
    let allowed = sched_getaffinity(Some(rustix::process::getpid())).unwrap();
    if let Some(cpu) = (0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .nth(number)
    {
        let mut one = CpuSet::new();
        one.set(cpu);
        sched_setaffinity(None, &one).unwrap();
    }
}

fn inject(
    injector: &Injector,
    ifindex: u32,
    kind: Kind,
    flows: u16,
    seed: u64,
    stop: &AtomicBool,
) -> Counts {
    let frames: Vec<Frames> = (0..flows).map(|flow| Frames::new(kind, flow)).collect();
    let mut counts = vec![[[0; 2]; 2]; usize::from(flows)];
    let context = Context {
        ifindex,
        ..Context::default()
    };
    let mut random = 0x9e37_79b9_7f4a_7c15 ^ (seed << 32);
    while !stop.load(Ordering::Relaxed) {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let flow = (random >> 8) as usize % frames.len();
        let way = (random >> 40) as usize & 1;
        // Each direction of a flow crosses one hook, as a host's own traffic does. At both, in memory that is used again and again,
        // packets would look like those that are sent back.
        let hook = [HookDirection::Ingress, HookDirection::Egress][(way + flow / 2) & 1];
        let choice = &frames[flow].0[way];
        let frame = &choice[(random >> 42) as usize % choice.len()];
        let repeat = 1 + (random >> 50) as u32 % 8;
        injector.run(hook, frame, &context, repeat).unwrap();
        let octets = (frame.len() - 14) as u64;
        counts[flow][way][0] += u64::from(repeat);
        counts[flow][way][1] += u64::from(repeat) * octets;
    }
    counts
}
