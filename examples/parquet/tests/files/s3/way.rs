//! The way between a client and a server, which can end in the middle.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

/// The end of a connection on which that many octets were sent to the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// It is cut on both sides.
    Cut(usize),
    /// Nothing goes any further, and it stays.
    Hold(usize),
}

#[derive(Default)]
struct State {
    end: Option<End>,
    /// Connections that came to it.
    ended: usize,
    held: Vec<[TcpStream; 2]>,
}

#[derive(Clone)]
pub(crate) struct Way {
    port: u16,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Way {
    /// To a port of this host, until the test ends.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Self {
            port: listener.local_addr().unwrap().port(),
            shared: Arc::default(),
        };
        let of_thread = way.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let way = of_thread.clone();
                // The server may be gone.
                thread::spawn(move || {
                    way.carry(client, TcpStream::connect(("127.0.0.1", server))?)
                });
            }
        });
        way
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From the next octet on. Held connections are cut.
    pub(crate) fn set(&self, end: Option<End>) {
        let mut state = self.state();
        state.end = end;
        state.ended = 0;
        state.held.drain(..).flatten().for_each(cut);
    }

    /// Waits until a connection has come to its end.
    pub(crate) fn wait_for_an_end(&self) {
        let (_, changed) = &*self.shared;
        drop(
            changed
                .wait_while(self.state(), |state| state.ended == 0)
                .unwrap(),
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    fn carry(&self, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
        let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let copied = io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Write);
            copied
        });
        let mut sent = 0;
        let mut some = [0; 4096];
        loop {
            let read = client.read(&mut some)?;
            let end = self.state().end;
            let room = match end {
                Some(End::Cut(most) | End::Hold(most)) => most - sent.min(most),
                None => usize::MAX,
            };
            server.write_all(&some[..read.min(room)])?;
            sent += read.min(room);
            if read > room {
                self.end(end, [client, server]);
                return Ok(());
            }
            if read == 0 {
                return server.shutdown(Shutdown::Write);
            }
        }
    }

    fn end(&self, end: Option<End>, streams: [TcpStream; 2]) {
        let mut state = self.state();
        match end {
            Some(End::Hold(_)) => state.held.push(streams),
            _ => streams.into_iter().for_each(cut),
        }
        state.ended += 1;
        self.shared.1.notify_all();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is closed as well")]
fn cut(stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}
