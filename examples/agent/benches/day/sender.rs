//! Sends flows whose packets are known.
//!
//! A short flow has an address and a port of its own, so its record names it: number `n` is sent by pod `n % PODS`. It has one packet, and
//! each fourth one has another 20 ms later. Steady flows last as long as the day and have a packet in a second.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

use crate::cluster::{PODS, address};

/// Steady flows, of the first pods.
pub(crate) const STEADY: u32 = 1_000;
/// Destination ports of short and of steady flows.
pub(crate) const SHORT_PORT: u16 = 9;
pub(crate) const STEADY_PORT: u16 = 10;
/// The first port of a sender.
const FIRST_PORT: u16 = 1_024;
const TO: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// How late flows may be sent; beyond it, the rate falls.
const LATEST: Duration = Duration::from_millis(100);

/// Returns the packets of a short flow.
pub(crate) fn packets_of(flow: u64) -> u64 {
    1 + u64::from(flow.is_multiple_of(4))
}

/// Returns the packets of a pod's steady flow, if this many were sent in turn.
pub(crate) fn steady_packets_of(pod: u32, sent: u64) -> u64 {
    let each = u64::from(STEADY);
    sent / each + u64::from(u64::from(pod) < sent % each)
}

/// Returns the pod of a steady flow.
pub(crate) fn steady_at(pod: u32, port: u16) -> Option<u32> {
    (pod < STEADY && port == FIRST_PORT - 1).then_some(pod)
}

/// Returns the short flow of a pod's port.
pub(crate) fn flow_at(pod: u32, port: u16) -> Option<u64> {
    Some(u64::from(port.checked_sub(FIRST_PORT)?) * u64::from(PODS) + u64::from(pod))
}

/// Flows and packets that were sent so far.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) short: AtomicU64,
    pub(crate) steady: AtomicU64,
    pub(crate) packets: AtomicU64,
    is_over: AtomicBool,
}

/// A thread that sends.
pub(crate) struct Sender {
    pub(crate) sent: Arc<Sent>,
    thread: thread::JoinHandle<()>,
}

impl Sender {
    /// Begins to send this many short flows a second.
    pub(crate) fn start(rate: u32) -> Self {
        let sent = Arc::<Sent>::default();
        let of_thread = Arc::clone(&sent);
        let thread = thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || send(rate, &of_thread))
            .unwrap();
        Self { sent, thread }
    }

    /// Ends it, when all packets of the flows are sent that have begun.
    pub(crate) fn stop(self) -> Arc<Sent> {
        self.sent.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent
    }
}

fn send(rate: u32, sent: &Sent) {
    let socket = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).unwrap();
    let second_after = u64::from(rate / 50);
    let (mut began, mut late) = (Instant::now(), Duration::ZERO);
    let mut before = began;
    let (mut short, mut seconds, mut steady) = (0, 0, 0);
    let mut packets = 0;
    loop {
        let is_over = sent.is_over.load(Ordering::Relaxed);
        let now = Instant::now();
        // A busy machine lets the thread wait for long, also in its sleep. Its flows are not sent all at once then.
        let missed = (now - before).saturating_sub(LATEST);
        before = now;
        began += missed;
        late += missed;
        let time = now - began;
        let due = (time.as_secs_f64() * f64::from(rate)) as u64;
        let until = if is_over { short } else { due };
        while short < until {
            packet(&socket, pod_of(short), port_of(short), SHORT_PORT);
            short += 1;
            packets += 1;
        }
        let until = if is_over {
            short
        } else {
            short.saturating_sub(second_after)
        };
        while seconds < until {
            if packets_of(seconds) == 2 {
                packet(&socket, pod_of(seconds), port_of(seconds), SHORT_PORT);
                packets += 1;
            }
            seconds += 1;
        }
        let due = ((time + late).as_secs_f64() * f64::from(STEADY)) as u64;
        while steady < due && !is_over {
            let pod = u32::try_from(steady % u64::from(STEADY)).unwrap();
            packet(&socket, pod, FIRST_PORT - 1, STEADY_PORT);
            steady += 1;
            packets += 1;
        }
        sent.short.store(short, Ordering::Relaxed);
        sent.steady.store(steady, Ordering::Relaxed);
        sent.packets.store(packets, Ordering::Release);
        if is_over {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn pod_of(flow: u64) -> u32 {
    u32::try_from(flow % u64::from(PODS)).unwrap()
}

fn port_of(flow: u64) -> u16 {
    FIRST_PORT + u16::try_from(flow / u64::from(PODS)).unwrap()
}

/// Sends a datagram with an address that this host does not have. The kernel adds the checksum of the IP header; UDP may go without.
fn packet(socket: &OwnedFd, pod: u32, from: u16, to: u16) {
    let mut octets = [0; 36];
    octets[0] = 0x45;
    octets[3] = 36;
    octets[8] = 64;
    octets[9] = 17;
    octets[12..16].copy_from_slice(&address(pod).octets());
    octets[16..20].copy_from_slice(&TO.octets());
    octets[20..22].copy_from_slice(&from.to_be_bytes());
    octets[22..24].copy_from_slice(&to.to_be_bytes());
    octets[25] = 16;
    let sent = sendto(
        socket,
        &octets,
        SendFlags::empty(),
        &SocketAddrV4::new(TO, 0),
    );
    assert_eq!(sent, Ok(octets.len()));
}
