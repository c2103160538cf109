//! One connection to a server.

use std::{
    hash::{BuildHasher as _, RandomState},
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use mermin_program::dial;
use serde_json::Value;

use crate::{
    protocol::{Answer, Frame, Op, parse, put_connect, put_request, put_subscription},
    settings::Settings,
};

/// Octets per read.
const READ: usize = 64 << 10;

/// A received message.
#[derive(Debug)]
pub(crate) enum Heard {
    Info(String),
    Pong,
    /// Reply to the message with this number, or to a request if there is none.
    Answer(Option<usize>, Answer),
    Complaint(String),
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// Octets read, and the number of consumed ones.
    read: Vec<u8>,
    done: usize,
    patience: Duration,
    pub(crate) frame: Frame,
    /// Size limit of a message in octets, including headers.
    pub(crate) max_payload: usize,
}

/// Connects to the first server that answers, in random order.
///
/// # Errors
/// The error of the last server.
pub(crate) fn connect(settings: &Settings, subject: &str) -> Result<Connection, String> {
    let count = settings.servers.len().max(1);
    let first = usize::try_from(drawn(0) % count as u64).unwrap_or(0);
    let mut last = "no server is named".to_owned();
    for server in settings.servers.iter().cycle().skip(first).take(count) {
        match Connection::open(server, settings, subject) {
            Ok(connection) => return Ok(connection),
            Err(why) => last = format!("cannot connect to `{server}`: {why}"),
        }
    }
    Err(last)
}

fn drawn(what: u8) -> u64 {
    RandomState::new().hash_one(what)
}

impl Connection {
    fn open(server: &str, settings: &Settings, subject: &str) -> Result<Self, String> {
        let patience = settings.patience;
        let stream = dial(server, patience).map_err(|error| error.to_string())?;
        let mut new = Self {
            stream,
            read: Vec::new(),
            done: 0,
            patience,
            frame: Frame {
                subject: subject.to_owned(),
                inbox: format!("_INBOX.{:016x}{:016x}", drawn(1), drawn(2)),
                stream: settings.stream.clone(),
            },
            max_payload: 0,
        };
        let Heard::Info(info) = new.hear()? else {
            return Err("it does not speak NATS: it does not say who it is".to_owned());
        };
        new.max_payload = usable(&info)?;
        let mut out = Vec::new();
        put_connect(&mut out, &settings.credentials);
        put_subscription(&mut out, &new.frame.inbox);
        out.extend_from_slice(b"PING\r\n");
        new.send(&out)?;
        loop {
            match new.hear()? {
                Heard::Pong => return Ok(new),
                Heard::Complaint(words) => return Err(words),
                Heard::Info(_) | Heard::Answer(..) => {}
            }
        }
    }

    /// # Errors
    /// If it was not sent in time; the connection is then unusable.
    pub(crate) fn send(&mut self, octets: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(octets)
            .map_err(|error| self.cause(&error))
    }

    /// Waits for the next message, and answers pings meanwhile.
    ///
    /// # Errors
    /// If nothing arrived in time, if the connection ended, or if the peer does not speak NATS.
    pub(crate) fn hear(&mut self) -> Result<Heard, String> {
        let until = Instant::now() + self.patience;
        loop {
            if let Some(heard) = self.parsed()? {
                return Ok(heard);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.silent());
            }
            let timed = self.stream.set_read_timeout(Some(left));
            timed.map_err(|error| error.to_string())?;
            self.more().map_err(|error| self.cause(&error))?;
        }
    }

    /// Answers pings without waiting for messages.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(crate) fn look(&mut self) -> Result<(), String> {
        let set = |stream: &TcpStream, on| stream.set_nonblocking(on).map_err(|it| it.to_string());
        loop {
            // Consumes octets that were read together with the last reply.
            while self.parsed()?.is_some() {}
            set(&self.stream, true)?;
            let read = self.more();
            set(&self.stream, false)?;
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.cause(&error)),
            }
        }
    }

    fn more(&mut self) -> io::Result<()> {
        self.read.drain(..self.done);
        self.done = 0;
        let before = self.read.len();
        self.read.resize(before + READ, 0);
        let read = self.stream.read(&mut self.read[before..]);
        self.read.truncate(before + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the server closed the connection",
            )),
            _ => Ok(()),
        }
    }

    /// Parses the octets that were already read.
    fn parsed(&mut self) -> Result<Option<Heard>, String> {
        loop {
            let read = self.read.get(self.done..).unwrap_or_default();
            let Some((op, length)) = parse(read).map_err(|error| error.to_string())? else {
                return Ok(None);
            };
            let heard = match op {
                Op::Ok => None,
                Op::Ping => {
                    self.done += length;
                    self.send(b"PONG\r\n")?;
                    continue;
                }
                Op::Info(json) => Some(Heard::Info(json.to_owned())),
                Op::Pong => Some(Heard::Pong),
                Op::Error(words) => Some(Heard::Complaint(words.to_owned())),
                Op::Message {
                    subject,
                    status,
                    payload,
                } => {
                    let number = subject.rsplit('.').next().and_then(|it| it.parse().ok());
                    Some(Heard::Answer(number, Answer::of(status, payload)))
                }
            };
            self.done += length;
            if heard.is_some() {
                return Ok(heard);
            }
        }
    }

    fn silent(&self) -> String {
        format!("the server says nothing for {:?}", self.patience)
    }

    fn cause(&self, error: &io::Error) -> String {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.silent(),
            _ => error.to_string(),
        }
    }

    /// Sends a request to `JetStream`'s API. The inner error is a missing permission.
    ///
    /// # Errors
    /// Those of [`hear`](Self::hear).
    pub(crate) fn ask(
        &mut self,
        what: &str,
        payload: &str,
    ) -> Result<Result<Answer, String>, String> {
        let mut out = Vec::new();
        let subject = format!("$JS.API.{what}");
        put_request(&mut out, &subject, &self.frame.inbox, payload);
        self.send(&out)?;
        loop {
            match self.hear()? {
                Heard::Answer(None, answer) => return Ok(Ok(answer)),
                // The server repeats the subject in capitals or unchanged.
                Heard::Complaint(words) if words.starts_with("Permissions Violation") => {
                    return Ok(Err(words));
                }
                Heard::Complaint(words) => return Err(words),
                Heard::Answer(Some(_), _) | Heard::Info(_) | Heard::Pong => {}
            }
        }
    }
}

/// Returns the size limit of a message, or an error if the server is unusable.
fn usable(info: &str) -> Result<usize, String> {
    let info: Value = serde_json::from_str(info)
        .map_err(|error| format!("it does not speak NATS: what it says of itself: {error}"))?;
    let says = |name: &str| info.get(name).and_then(Value::as_bool).unwrap_or(false);
    if says("tls_required") {
        return Err("the server demands TLS, which this program does not speak".to_owned());
    }
    if !says("headers") {
        return Err(
            "the server takes no headers: it is older than 2.2, or they are off".to_owned(),
        );
    }
    let most = info.get("max_payload").and_then(Value::as_u64);
    Ok(usize::try_from(most.unwrap_or(1 << 20)).unwrap_or(usize::MAX))
}
