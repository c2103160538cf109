//! Steady packets out of every interface that came: each end of a pair sends a flow of its own, which the other end receives.
//!
//! They go to a multicast address nobody listens at, because that takes neither an address of the interface nor a neighbour.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::sockopt::set_ip_multicast_if_with_ifindex;

/// From one packet of an interface to the next; the time to send it comes on top.
const PAUSE: Duration = Duration::from_micros(200);
/// Within the link: no route is asked for (RFC 5771, 224.0.0.0/24).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Where an interface sends to: the port tells who sent a packet.
pub(crate) fn port(index: u32) -> u16 {
    10_000 + u16::try_from(index % 50_000).unwrap_or_default()
}

type Sockets = Arc<Mutex<BTreeMap<u32, UdpSocket>>>;

fn lock(sockets: &Sockets) -> MutexGuard<'_, BTreeMap<u32, UdpSocket>> {
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that sends, until this is dropped.
pub(crate) struct Chatter {
    sockets: Sockets,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Handle that adds interfaces to it.
#[derive(Clone)]
pub(crate) struct Speakers(Sockets);

impl Speakers {
    /// Has an interface send from now on.
    pub(crate) fn add(&self, index: u32) -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let (group, any) = (&GROUP, &Ipv4Addr::UNSPECIFIED);
        set_ip_multicast_if_with_ifindex(&socket, group, any, index)?;
        socket.set_multicast_loop_v4(false)?;
        lock(&self.0).insert(index, socket);
        Ok(())
    }
}

impl Chatter {
    pub(crate) fn start() -> Self {
        let (sockets, stop) = (Sockets::default(), Arc::<AtomicBool>::default());
        let (speakers, stopped) = (Arc::clone(&sockets), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for (index, socket) in &*lock(&speakers) {
                    // Refused while the interface is not up yet.
                    let _ = socket.send_to(&[0; 32], (GROUP, port(*index)));
                }
                thread::sleep(PAUSE);
            }
        });
        Self {
            sockets,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn speakers(&self) -> Speakers {
        Speakers(Arc::clone(&self.sockets))
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panics in no other way than this one would.
            let _ = thread.join();
        }
    }
}
