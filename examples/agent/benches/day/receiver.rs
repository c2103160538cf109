//! A receiver of OTLP over HTTP that may be killed at any instruction: a process of its own.
//!
//! It decodes every record, writes what identifies the records of a request into a pipe, and answers then. The pipe outlives it. So what it
//! answered is counted, and what it had not written whole is not.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read, Write as _, stdout},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use mermin_testing::apart;

use crate::{
    cluster::pod_at,
    spans::{self, Span},
    tally::{Named, Record, Tally},
};

/// Octets of a record in the pipe.
const LENGTH: usize = 26;
const PORT: &str = "MERMIN_DAY_PORT";

/// A receiver that runs.
pub(crate) struct Receiver {
    child: Child,
    reader: Option<thread::JoinHandle<()>>,
}

impl Receiver {
    /// Starts it at a port of the loopback address. Records that it receives are added to the tally.
    pub(crate) fn start(port: u16, tally: &Arc<Mutex<Tally>>) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(apart::ROLE, "receiver")
            .env(PORT, port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (pipe, tally) = (child.stdout.take().unwrap(), Arc::clone(tally));
        let reader = thread::spawn(move || count(pipe, &tally));
        Self {
            child,
            reader: Some(reader),
        }
    }

    /// Kills it with SIGKILL, and waits until everything in the pipe is counted.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }
}

/// A day that fails leaves no process behind.
impl Drop for Receiver {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Counts what a receiver writes, request by request, until it ends.
fn count(pipe: impl Read, tally: &Mutex<Tally>) {
    let mut pipe = BufReader::with_capacity(1 << 16, pipe);
    let mut octets = Vec::new();
    loop {
        let mut count = [0; 4];
        if pipe.read_exact(&mut count).is_err() {
            return;
        }
        octets.resize(u32::from_le_bytes(count) as usize * LENGTH, 0);
        // A killed receiver may leave a part, which it has not answered.
        if pipe.read_exact(&mut octets).is_err() {
            return;
        }
        let mut tally = tally.lock().unwrap();
        for record in octets.chunks_exact(LENGTH) {
            tally.add(&unpack(record));
        }
    }
}

/// The part that is the receiver.
pub(crate) fn run() {
    let port: u16 = env::var(PORT).unwrap().parse().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        // The agent goes away when it is killed.
        thread::spawn(move || drop(serve(&stream)));
    }
}

/// Answers requests until the client closes the connection.
fn serve(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let (mut body, mut frame) = (Vec::new(), Vec::new());
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
            if line.is_empty() {
                break;
            }
        }
        body.resize(length.unwrap(), 0);
        reader.read_exact(&mut body)?;
        frame.clear();
        frame.extend_from_slice(&[0; 4]);
        let mut count = 0_u32;
        spans::each(&body, |span| {
            frame.extend_from_slice(&pack(&record(&span)));
            count += 1;
        })
        .unwrap();
        frame[..4].copy_from_slice(&count.to_le_bytes());
        let mut pipe = stdout().lock();
        pipe.write_all(&frame)?;
        pipe.flush()?;
        drop(pipe);
        (&*stream).write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )?;
    }
}

fn record(span: &Span<'_>) -> Record {
    let address: Ipv4Addr = str::from_utf8(span.address).unwrap().parse().unwrap();
    let pod = pod_at(address).unwrap_or(u32::MAX);
    let named = match span.pod {
        None => Named::No,
        Some(name) if name == format!("pod-{pod}").as_bytes() => Named::Right,
        Some(_) => Named::Wrong,
    };
    // FNV-1a of the id.
    let id = span.id.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    });
    Record {
        id,
        pod,
        sequence: u32::try_from(span.sequence).unwrap(),
        packets: u32::try_from(span.packets).unwrap(),
        port: u16::try_from(span.port).unwrap(),
        to_port: u16::try_from(span.to_port).unwrap(),
        named,
    }
}

fn pack(record: &Record) -> [u8; LENGTH] {
    let mut octets = [0; LENGTH];
    octets[..8].copy_from_slice(&record.id.to_le_bytes());
    octets[8..12].copy_from_slice(&record.pod.to_le_bytes());
    octets[12..16].copy_from_slice(&record.sequence.to_le_bytes());
    octets[16..20].copy_from_slice(&record.packets.to_le_bytes());
    octets[20..22].copy_from_slice(&record.port.to_le_bytes());
    octets[22..24].copy_from_slice(&record.to_port.to_le_bytes());
    octets[24] = match record.named {
        Named::No => 0,
        Named::Right => 1,
        Named::Wrong => 2,
    };
    octets
}

fn unpack(octets: &[u8]) -> Record {
    let four = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    let two = |at: usize| u16::from_le_bytes(octets[at..at + 2].try_into().unwrap());
    Record {
        id: u64::from_le_bytes(octets[..8].try_into().unwrap()),
        pod: four(8),
        sequence: four(12),
        packets: four(16),
        port: two(20),
        to_port: two(22),
        named: match octets[24] {
            0 => Named::No,
            1 => Named::Right,
            _ => Named::Wrong,
        },
    }
}
