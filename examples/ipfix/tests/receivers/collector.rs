//! A collector of TCP: it can be stopped and started, be slow, and answer.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mermin_core::{
    Flow,
    sink::{Retry, retry, testing},
};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{soon, wait};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::{decode::Decoded, expected::flow_id};

/// How a collector reads.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pace {
    /// Octets at once, and what it does between.
    pub(crate) slow: Option<(usize, Duration)>,
    /// It answers, which a collector has no reason to.
    pub(crate) talks: bool,
}

/// Keeps what each connection brought.
pub(crate) struct Collector {
    pub(crate) port: u16,
    pace: Pace,
    streams: Arc<Mutex<Vec<Vec<u8>>>>,
    stopped: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self::with(Pace::default())
    }

    pub(crate) fn with(pace: Pace) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut collector = Self {
            port,
            pace,
            streams: Arc::default(),
            stopped: Arc::default(),
            listening: None,
        };
        collector.listen(listener);
        collector
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn listen(&mut self, listener: TcpListener) {
        if self.pace.slow.is_some() {
            set_socket_recv_buffer_size(&listener, 4096).unwrap();
        }
        listener.set_nonblocking(true).unwrap();
        self.stopped.store(false, Ordering::Relaxed);
        let (streams, stopped) = (Arc::clone(&self.streams), Arc::clone(&self.stopped));
        let pace = self.pace;
        self.listening = Some(thread::spawn(move || {
            let mut readers = Vec::new();
            loop {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (streams, stopped) = (Arc::clone(&streams), Arc::clone(&stopped));
                        readers.push(thread::spawn(move || {
                            let octets = read(stream, pace, &stopped);
                            streams.lock().unwrap().push(octets);
                        }));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        // Whoever connected before it was stopped is heard.
                        if stopped.load(Ordering::Relaxed) {
                            break;
                        }
                        thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            drop(listener);
            for reader in readers {
                reader.join().unwrap();
            }
        }));
    }

    pub(crate) fn stop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            listening.join().unwrap();
        }
    }

    pub(crate) fn start(&mut self) {
        let mut bound = None;
        wait(|| {
            bound = TcpListener::bind(("127.0.0.1", self.port)).ok();
            bound.is_some()
        });
        self.listen(bound.unwrap());
    }

    /// Stops it; what each connection brought.
    pub(crate) fn decoded(&mut self) -> Vec<Decoded> {
        self.stop();
        let streams = self.streams.lock().unwrap();
        streams
            .iter()
            .map(|stream| Decoded::read(whole(stream)))
            .collect()
    }

    pub(crate) fn ids(&mut self) -> Vec<u64> {
        self.decoded().iter().flat_map(Decoded::ids).collect()
    }
}

/// Until the other side ends, or this one is stopped and has read what is there.
fn read(mut stream: TcpStream, pace: Pace, stopped: &AtomicBool) -> Vec<u8> {
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut octets = Vec::new();
    let mut buffer = vec![0; pace.slow.map_or(1 << 16, |(octets, _)| octets)];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return octets,
            Ok(count) => {
                octets.extend(&buffer[..count]);
                if pace.talks {
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if stopped.load(Ordering::Relaxed) {
                    return octets;
                }
            }
            Err(_) => return octets,
        }
        if let Some((_, pause)) = pace.slow {
            thread::sleep(pause);
        }
    }
}

/// Without a message that was cut when the connection broke.
fn whole(stream: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some(header) = stream.get(end..end + 4) {
        let next = end + usize::from(u16::from_be_bytes([header[2], header[3]]));
        if next > stream.len() {
            break;
        }
        end = next;
    }
    &stream[..end]
}

/// One record for each flow, so that its id names the record.
pub(crate) fn settings() -> Settings {
    Settings::default()
        .biflow(true)
        .patience(Duration::from_secs(5))
}

impl testing::Receiver for Collector {
    type Sink = Retry<Exporter>;
    type Key = u64;

    fn key(flow: &Flow) -> u64 {
        flow_id(flow)
    }

    fn sink(&mut self) -> Self::Sink {
        retry(Exporter::tcp(self.address(), settings()).unwrap(), soon())
    }

    fn received(&mut self) -> Vec<u64> {
        self.ids()
    }

    fn stop(&mut self) -> bool {
        Collector::stop(self);
        true
    }

    fn start(&mut self) {
        Collector::start(self);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
