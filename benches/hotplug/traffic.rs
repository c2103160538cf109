//! Sends steady packets from every new interface: each end of a pair sends a flow of its own, which the other end
//! receives.
//!
//! The receiver is a multicast address without a listener, because it needs neither an address of the interface nor a
//! neighbour.

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

/// Pause between two packets of an interface, in addition to the time of sending.
const PAUSE: Duration = Duration::from_micros(200);
/// Link-local multicast, which needs no route (RFC 5771, 224.0.0.0/24).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Returns the port that an interface sends to; it identifies the sender.
pub(crate) fn port(index: u32) -> u16 {
    10_000 + u16::try_from(index % 50_000).unwrap_or_default()
}

type Sockets = Arc<Mutex<BTreeMap<u32, UdpSocket>>>;

fn lock(sockets: &Sockets) -> MutexGuard<'_, BTreeMap<u32, UdpSocket>> {
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sending thread, until this is dropped.
pub(crate) struct Traffic {
    sockets: Sockets,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A handle that adds interfaces.
#[derive(Clone)]
pub(crate) struct Speakers(Sockets);

impl Speakers {
    /// Makes an interface send from now on.
    pub(crate) fn add(&self, index: u32) -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let (group, any) = (&GROUP, &Ipv4Addr::UNSPECIFIED);
        set_ip_multicast_if_with_ifindex(&socket, group, any, index)?;
        socket.set_multicast_loop_v4(false)?;
        lock(&self.0).insert(index, socket);
        Ok(())
    }
}

impl Traffic {
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

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panics would also happen in this thread.
            let _ = thread.join();
        }
    }
}
