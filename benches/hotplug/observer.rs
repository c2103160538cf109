//! Observes from outside when the kernel announced a link, and when the report showed programs at both hooks.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use mermin_benches::Result;
use mermin_core::Handle;
use rustix::net::{self, AddressFamily, RecvFlags, SocketType, netlink};

use crate::{
    PAUSE,
    traffic::{Speakers, Traffic},
};

/// Time of the first observation of an interface, by index.
pub(crate) type Times = HashMap<u32, SystemTime>;

#[derive(Default)]
struct Seen {
    /// Announcements of links with a matching name.
    notified: Times,
    attached: Times,
    known: HashSet<u32>,
    /// Makes new interfaces send.
    speakers: Option<Speakers>,
}

/// Two threads that observe until this is dropped.
pub(crate) struct Observer {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer {
    pub(crate) fn start(handle: Handle) -> Result<Self> {
        const LINKS: u32 = 1;
        let observer = Self {
            seen: Arc::default(),
            stop: Arc::default(),
        };
        let socket = net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
        net::bind(&socket, &netlink::SocketAddrNetlink::new(0, LINKS))?;
        net::sockopt::set_socket_timeout(
            &socket,
            net::sockopt::Timeout::Recv,
            Some(Duration::from_millis(100)),
        )?;
        let (seen, stop) = (Arc::clone(&observer.seen), Arc::clone(&observer.stop));
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 15];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((length, _)) = net::recv(&socket, &mut buffer, RecvFlags::empty())
                    && let Some(link) = new_link(&buffer[..length])
                {
                    lock(&seen).hear(&link);
                }
            }
        });
        let (seen, stop) = (Arc::clone(&observer.seen), Arc::clone(&observer.stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let mut seen = lock(&seen);
                for at in handle.report().interfaces {
                    if at.ingress.is_some()
                        && at.egress.is_some()
                        && seen.notified.contains_key(&at.index)
                    {
                        seen.attached
                            .entry(at.index)
                            .or_insert_with(SystemTime::now);
                    }
                }
                drop(seen);
                thread::sleep(PAUSE);
            }
        });
        Ok(observer)
    }

    /// Notes new interfaces from now on, and makes them send.
    pub(crate) fn begin(&self, traffic: &Traffic) {
        *lock(&self.seen) = Seen {
            speakers: Some(traffic.speakers()),
            ..Seen::default()
        };
    }

    /// Stops noting events.
    pub(crate) fn end(&self) {
        lock(&self.seen).speakers = None;
    }

    pub(crate) fn notified(&self) -> Times {
        lock(&self.seen).notified.clone()
    }

    pub(crate) fn attached(&self) -> Times {
        lock(&self.seen).attached.clone()
    }
}

impl Seen {
    fn hear(&mut self, link: &Link<'_>) {
        let Some(speakers) = &self.speakers else {
            return;
        };
        if self.known.insert(link.index) {
            // An interface that has disappeared sends nothing.
            let _ = speakers.add(link.index);
        }
        if link.name.starts_with(b"p") {
            self.notified
                .entry(link.index)
                .or_insert_with(SystemTime::now);
        }
    }
}

/// A link in a notification.
struct Link<'a> {
    index: u32,
    name: &'a [u8],
}

/// Returns the link in a notification, new or changed.
fn new_link(message: &[u8]) -> Option<Link<'_>> {
    const RTM_NEWLINK: u16 = 16;
    const IFLA_IFNAME: u16 = 3;
    // `struct nlmsghdr` has 16 octets, with the type after the length. `struct ifinfomsg` also has 16, and its second
    // word is the index; attributes follow.
    let kind = u16::from_ne_bytes(*message.get(4..)?.first_chunk()?);
    let index = u32::from_ne_bytes(*message.get(20..)?.first_chunk()?);
    let mut rest = message.get(32..).filter(|_| kind == RTM_NEWLINK)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        if kind == IFLA_IFNAME {
            let name = rest.get(4..length)?;
            return Some(Link { index, name });
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}
