//! TCP receivers: one that can be stopped, one that is slow, one that never comes, one that is gone without a word.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{
        FlowSink, Retry, retry,
        testing::{self, flows},
    },
};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{
    apart::{self, Role},
    free_port, soon, trouble, wait,
};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::{decode::Decoded, expected::flow_id};

/// How a collector reads.
#[derive(Clone, Copy, Default)]
struct Pace {
    /// Octets at once, and what it does between.
    slow: Option<(usize, Duration)>,
    /// It answers, which a collector has no reason to.
    talks: bool,
}

/// Keeps what each connection brought.
pub(crate) struct Collector {
    port: u16,
    pace: Pace,
    streams: Arc<Mutex<Vec<Vec<u8>>>>,
    stopped: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self::with(Pace::default())
    }

    fn with(pace: Pace) -> Self {
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

    fn address(&self) -> String {
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

    fn stop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            listening.join().unwrap();
        }
    }

    fn start(&mut self) {
        let mut bound = None;
        wait(|| {
            bound = TcpListener::bind(("127.0.0.1", self.port)).ok();
            bound.is_some()
        });
        self.listen(bound.unwrap());
    }

    /// Stops it; what each connection brought.
    fn decoded(&mut self) -> Vec<Decoded> {
        self.stop();
        let streams = self.streams.lock().unwrap();
        streams
            .iter()
            .map(|stream| Decoded::read(whole(stream)))
            .collect()
    }

    fn ids(&mut self) -> Vec<u64> {
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
fn settings() -> Settings {
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

pub(crate) fn sink_contract_holds() {
    trouble::sink_contract_holds(Collector::new, 5);
}

/// Memory is bounded, and nothing is lost, however slow it is.
pub(crate) fn slow() {
    let pace = Pace {
        slow: Some((4096, Duration::from_millis(2))),
        ..Pace::default()
    };
    let mut collector = Collector::with(pace);
    let exporter = Exporter::tcp(collector.address(), settings()).unwrap();
    let flows = trouble::slow(exporter, 5000, 500);
    assert_eq!(collector.ids(), flow_ids(&flows));
}

/// Nothing that it says matters, and nothing is lost.
pub(crate) fn talks() {
    let pace = Pace {
        slow: None,
        talks: true,
    };
    let mut collector = Collector::with(pace);
    let mut sink = retry(
        Exporter::tcp(collector.address(), settings()).unwrap(),
        soon(),
    );
    let flows = flows(3000);
    for batch in flows.chunks(30) {
        block_on(sink.export(batch)).unwrap();
    }
    block_on(sink.close()).unwrap();
    let sessions = collector.decoded();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].ids(), flow_ids(&flows));
}

/// Closing keeps to its time, and says what is left.
pub(crate) fn never_comes() {
    let exporter = Exporter::tcp(format!("127.0.0.1:{}", free_port()), settings()).unwrap();
    let stats = trouble::never_comes(exporter, Duration::from_millis(500));
    assert!(stats.retried > 0);
    let words = stats.last_error.unwrap();
    assert!(words.contains("cannot connect to `127.0.0.1:"), "{words}");
}

/// While it is away the buffer fills, and what the policy drops is counted; when it is back the rest is delivered.
pub(crate) fn away() {
    let mut collector = Collector::new();
    collector.stop();
    let exporter = Exporter::tcp(collector.address(), settings()).unwrap();
    let delivered = trouble::away(exporter, || collector.start());
    assert_eq!(collector.ids(), flow_ids(&delivered));
}

fn flow_ids(flows: &[Flow]) -> Vec<u64> {
    flows.iter().map(flow_id).collect()
}

/// A new connection is a new session: templates are told, and data records are counted from 0.
pub(crate) fn sessions() {
    let mut collector = Collector::new();
    let mut sink = retry(
        Exporter::tcp(collector.address(), settings()).unwrap(),
        soon(),
    );
    let flows = flows(200);
    for half in flows.chunks(100) {
        block_on(sink.export(half)).unwrap();
        collector.stop();
        collector.start();
    }
    block_on(sink.close()).unwrap();
    let sessions = collector.decoded();
    assert_eq!(sessions.len(), 2);
    for (session, half) in sessions.iter().zip(flows.chunks(100)) {
        assert_eq!(session.messages[0].0, 0);
        session.check_sequence();
        assert_eq!(session.ids(), flow_ids(half));
    }
}

pub(crate) const HALF_OPEN: Role = ("half_open", cut_off);

/// A collector whose packets are dropped is noticed, and found again when they are not.
pub(crate) fn half_open() {
    apart::run(HALF_OPEN, &["--net"]);
}

fn cut_off() {
    apart::command("ip link set lo up");
    let mut collector = Collector::new();
    let settings = settings().patience(Duration::from_secs(1));
    let mut sink = Exporter::tcp(collector.address(), settings).unwrap();
    let flows = flows(300);
    let batches: Vec<_> = flows.chunks(100).collect();
    block_on(sink.export(batches[0])).unwrap();
    apart::command("nft add table inet cut");
    apart::command("nft add chain inet cut input { type filter hook input priority 0; }");
    apart::command(&format!(
        "nft add rule inet cut input tcp dport {} drop",
        collector.port
    ));
    let began = Instant::now();
    for _ in 0..2 {
        // It goes unnoticed for as long as the patience, then by a connection that cannot be made.
        let error = block_on(sink.export(batches[1])).unwrap_err();
        assert!(error.to_string().starts_with("cannot "), "{error}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    apart::command("nft delete table inet cut");
    for batch in &batches[1..] {
        let exported = (0..100).any(|_| block_on(sink.export(batch)).is_ok());
        assert!(exported);
    }
    block_on(sink.close()).unwrap();
    // The connection that was cut may hold some of the second batch once more.
    let mut ids = collector.ids();
    ids.sort_unstable();
    ids.dedup();
    let mut expected = flow_ids(&flows);
    expected.sort_unstable();
    assert_eq!(ids, expected);
}
