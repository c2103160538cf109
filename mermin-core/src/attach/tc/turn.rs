//! Taking turns with other sources, in this process and in others, at the qdisc of one interface.
//!
//! Asking if a qdisc is empty and deleting it are two requests; without turns, two sources that came and went in
//! 3000 rounds each lost 9 filters to one another. The lock is an abstract socket address: it is as wide as the network
//! namespace, like the qdisc, needs no file system, and goes with its process however that ends.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    thread,
    time::Duration,
};

const PAUSE: Duration = Duration::from_millis(1);
/// A turn takes less than a millisecond. A process that waits this long has met a program that was stopped in its turn, or
/// one that took the address for a reason of its own: not worth failing for.
const PAUSES: u32 = 500;

/// One's turn, until dropped; without the socket, nobody's promise.
pub(super) struct Turn {
    _address: Option<UnixDatagram>,
}

/// Waits for one's turn at an interface of the calling thread's network namespace.
pub(super) fn take(ifindex: u32) -> Turn {
    let name = format!("mermin/clsact/{ifindex}");
    for _ in 0..PAUSES {
        match SocketAddr::from_abstract_name(&name)
            .and_then(|address| UnixDatagram::bind_addr(&address))
        {
            Ok(address) => {
                return Turn {
                    _address: Some(address),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    Turn { _address: None }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn owner_waits_for_the_lock() {
        static OVER: AtomicBool = AtomicBool::new(false);
        let first = take(u32::MAX);
        let second = thread::spawn(|| {
            let _turn = take(u32::MAX);
            OVER.load(Ordering::SeqCst)
        });
        thread::sleep(PAUSE * 20);
        OVER.store(true, Ordering::SeqCst);
        drop(first);
        assert!(second.join().unwrap());
    }
}
