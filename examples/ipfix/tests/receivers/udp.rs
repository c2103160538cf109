//! Datagrams: each is a whole message, and templates come again.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink as _, testing},
};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{trouble, wait};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};

use crate::{decode::Decoded, expected::flow_id};

pub(crate) struct Collector {
    address: SocketAddr,
    /// Its sinks have a thread of their own.
    own_thread: bool,
    datagrams: Arc<Mutex<Vec<Vec<u8>>>>,
    stopped: Arc<AtomicBool>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        // On a busy machine, this thread may read late. The kernel's limit needs no privilege.
        let _ = set_socket_recv_buffer_size(&socket, 8 << 20);
        let _ = set_socket_recv_buffer_size_force(&socket, 8 << 20);
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let collector = Self {
            address: socket.local_addr().unwrap(),
            own_thread: true,
            datagrams: Arc::default(),
            stopped: Arc::default(),
        };
        let (datagrams, stopped) = (
            Arc::clone(&collector.datagrams),
            Arc::clone(&collector.stopped),
        );
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(length) = socket.recv(&mut buffer) {
                    datagrams.lock().unwrap().push(buffer[..length].to_vec());
                }
            }
        });
        collector
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Octets of the longest datagram so far, or 0.
    pub(crate) fn longest(&self) -> usize {
        let datagrams = self.datagrams.lock().unwrap();
        datagrams.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Contents from the last message on that begins with options templates, as a beginning does. Nothing before it can be read.
    pub(crate) fn since_beginning(&self) -> Decoded {
        let datagrams = self.datagrams.lock().unwrap();
        let begins = |datagram: &Vec<u8>| datagram[16..18] == [0, 3];
        let last = datagrams.iter().rposition(begins);
        last.map_or_else(Decoded::default, |last| {
            Decoded::read(&datagrams[last..].concat())
        })
    }

    /// Contents from the first message on.
    pub(crate) fn since_first(&self) -> Decoded {
        Decoded::read(&self.datagrams.lock().unwrap().concat())
    }

    /// Forgets what arrived until now.
    pub(crate) fn forget(&self) {
        self.datagrams.lock().unwrap().clear();
    }

    fn decoded(&self) -> Decoded {
        // Datagrams of the loopback address are there when they are sent; the thread reads them by and by.
        thread::sleep(Duration::from_millis(300));
        Decoded::read(&self.datagrams.lock().unwrap().concat())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl testing::Receiver for Collector {
    type Sink = Exporter;
    type Key = u64;

    fn key(flow: &Flow) -> u64 {
        flow_id(flow)
    }

    fn sink(&mut self) -> Exporter {
        let settings = Settings::default().biflow(true).own_thread(self.own_thread);
        Exporter::udp(self.address(), settings).unwrap()
    }

    fn received(&mut self) -> Vec<u64> {
        self.decoded().ids()
    }
}

pub(crate) fn sink_contract_holds() {
    // An outage is nothing that a sender of datagrams hears of.
    trouble::sink_contract_holds(Collector::new, 4);
}

pub(crate) fn sink_contract_holds_without_a_thread() {
    let collector = || {
        let mut collector = Collector::new();
        collector.own_thread = false;
        collector
    };
    trouble::sink_contract_holds(collector, 4);
}

/// Its host says so, which the next call tells: the batch behind, or closing.
pub(crate) fn not_there() {
    let port = crate::support::free_port();
    let exporter = || Exporter::udp(format!("127.0.0.1:{port}"), Settings::default()).unwrap();
    let flows = testing::flows(3);
    let refused = format!("cannot send to `127.0.0.1:{port}`: Connection refused");
    let mut sink = exporter();
    block_on(sink.export(&flows)).unwrap();
    let error = block_on(sink.export(&flows)).unwrap_err().to_string();
    assert!(error.starts_with(&refused), "{error}");
    let mut sink = exporter();
    block_on(sink.export(&flows)).unwrap();
    let error = block_on(sink.close()).unwrap_err().to_string();
    assert!(error.starts_with(&refused), "{error}");
}

/// The answer comes while templates are sent, with no record: it is told at the next call.
pub(crate) fn answered_late() {
    let port = crate::support::free_port();
    let settings = Settings::default().refresh(Duration::from_secs(1), u32::MAX);
    let flows = testing::flows(3);
    for closes in [false, true] {
        let mut sink = Exporter::udp(format!("127.0.0.1:{port}"), settings.clone()).unwrap();
        block_on(sink.export(&flows)).unwrap();
        // One refresh: it hears the answer and sends nothing.
        thread::sleep(Duration::from_millis(1500));
        let outcome = if closes {
            block_on(sink.close())
        } else {
            block_on(sink.export(&flows))
        };
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("Connection refused"), "{error}");
    }
}

/// By count while there is traffic, by time while there is none; and every datagram is whole and short.
pub(crate) fn templates() {
    let collector = Collector::new();
    let settings = Settings::default()
        .message(600)
        .refresh(Duration::from_millis(200), 10);
    let mut sink = Exporter::udp(collector.address(), settings).unwrap();
    let told = |id: u16| {
        let decoded = Decoded::read(&collector.datagrams.lock().unwrap().concat());
        decoded.templates.get(&id).copied().unwrap_or(0)
    };
    for batch in testing::flows(200).chunks(20) {
        block_on(sink.export(batch)).unwrap();
    }
    // Two records each of some 100 octets, five in a message: more than 60 messages.
    wait(|| told(256) >= 5 && told(260) >= 5);
    let before = told(260);
    wait(|| told(260) >= before + 3);
    block_on(sink.close()).unwrap();
    let decoded = collector.decoded();
    decoded.check_sequence();
    let datagrams = collector.datagrams.lock().unwrap();
    assert!(datagrams.iter().all(|datagram| datagram.len() <= 600));
    for datagram in &*datagrams {
        let length = u16::from_be_bytes([datagram[2], datagram[3]]);
        assert_eq!(usize::from(length), datagram.len());
    }
}
