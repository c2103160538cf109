//! A proxy that adds faults to connections.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Faults, and their effects so far.
#[derive(Debug, Default)]
pub struct State {
    /// Drops the server's answers.
    pub deaf: AtomicBool,
    /// Closes connections.
    pub cut: AtomicBool,
    /// Octets of dropped answers.
    pub lost: AtomicU64,
    over: AtomicBool,
}

/// Forwards octets between clients and a server.
#[derive(Debug)]
pub struct Proxy {
    /// Its port on the loopback address.
    pub port: u16,
    /// Faults, and their effects so far.
    pub state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy for a port, with a pause before each 4,096 octets from a client.
    #[must_use]
    pub fn new(to: u16, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        thread::spawn({
            let state = Arc::clone(&state);
            move || {
                while !state.over.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((client, _)) => join(&client, to, pause, &state),
                        Err(_) => thread::sleep(Duration::from_millis(1)),
                    }
                }
            }
        });
        Self { port, state }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
    }
}

fn join(client: &TcpStream, to: u16, pause: Duration, state: &Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
        return;
    };
    let ends = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (from, into) = ends();
    let forth = Arc::clone(state);
    thread::spawn(move || pass(from, into, pause, &forth, |_| true));
    let (into, from) = ends();
    let back = Arc::clone(state);
    thread::spawn(move || {
        pass(from, into, Duration::ZERO, &back, |octets| {
            let deaf = back.deaf.load(Ordering::Relaxed);
            if deaf {
                back.lost.fetch_add(octets, Ordering::Relaxed);
            }
            !deaf
        });
    });
}

fn pass(
    mut from: TcpStream,
    mut into: TcpStream,
    pause: Duration,
    state: &State,
    passes: impl Fn(u64) -> bool,
) {
    from.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    let mut buffer = [0; 4096];
    while !state.over.load(Ordering::Relaxed) && !state.cut.load(Ordering::Relaxed) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                thread::sleep(pause);
                if passes(count as u64) && into.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    for end in [from, into] {
        let _ = end.shutdown(std::net::Shutdown::Both);
    }
}
