//! A TCP stream of messages (RFC 7011 section 10.4).

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use mermin_program::dial;
use rustix::net::sockopt::set_tcp_user_timeout;

use super::{Link, Unsent, cannot};
use crate::{encode::Messages, sys::unacknowledged};

/// Shortest and longest interval of checks for acknowledgements. A near collector answers within the first.
const FIRST_LOOK: Duration = Duration::from_micros(50);
const LAST_LOOK: Duration = Duration::from_millis(5);

pub(crate) struct Tcp {
    target: String,
    patience: Duration,
    stream: Option<TcpStream>,
}

impl Tcp {
    pub(crate) fn new(target: String, patience: Duration) -> Self {
        Self {
            target,
            patience,
            stream: None,
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = dial(&self.target, self.patience)?;
        // A host that disappeared sends no acknowledgements.
        let patience = u32::try_from(self.patience.as_millis()).unwrap_or(u32::MAX);
        set_tcp_user_timeout(&stream, patience)?;
        Ok(stream)
    }
}

/// Returns an error if the collector has closed its side. It sends no data, so nothing else can be read.
fn check(mut stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.set_nonblocking(true)?;
    let heard = stream.read(&mut [0; 64]);
    stream.set_nonblocking(false)?;
    match heard {
        Ok(0) => Err(io::Error::new(
            io::ErrorKind::ConnectionReset,
            "the collector closed the connection",
        )),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// Sends, and waits until the collector's kernel has everything. Data in the local buffer would be lost with the
/// connection, without an error.
fn deliver(mut stream: &TcpStream, octets: &[u8], patience: Duration) -> io::Result<()> {
    check(stream)?;
    stream.write_all(octets)?;
    let began = Instant::now();
    let mut left = unacknowledged(stream)?;
    let mut progress = began;
    let mut pause = FIRST_LOOK;
    while left != 0 {
        thread::sleep(pause);
        pause = LAST_LOOK.min(pause * 2);
        let now = unacknowledged(stream)?;
        if now < left {
            (left, progress) = (now, Instant::now());
        } else if progress.elapsed() > patience {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the collector acknowledges nothing for {patience:?}"),
            ));
        }
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    // A reset empties the queue, like an acknowledgement.
    check(stream)
}

impl Link for Tcp {
    fn open(&mut self) -> io::Result<bool> {
        if let Some(stream) = &self.stream {
            if check(stream).is_ok() {
                return Ok(false);
            }
            self.stream = None;
        }
        let stream = self
            .connect()
            .map_err(|error| cannot("connect to", &self.target, &error))?;
        self.stream = Some(stream);
        Ok(true)
    }

    fn send(&mut self, messages: &Messages) -> Result<(), Unsent> {
        let Some(stream) = &self.stream else {
            return Ok(());
        };
        deliver(stream, messages.as_bytes(), self.patience).map_err(|error| {
            let error = cannot("send to", &self.target, &error);
            // The session has ended, whatever arrived.
            self.stream = None;
            Unsent { sent: 0, error }
        })
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(stream) = self.stream.take() else {
            return Ok(());
        };
        match stream.shutdown(Shutdown::Both) {
            // `NotConnected` is no error: the collector closed it first.
            Err(error) if error.kind() != io::ErrorKind::NotConnected => {
                Err(cannot("close", &self.target, &error))
            }
            _ => Ok(()),
        }
    }
}
