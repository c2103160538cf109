//! Datagrams: each is a whole message, and templates come again.

use std::{
    net::UdpSocket,
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

use crate::{decode::Decoded, expected::flow_id};

pub(crate) struct Collector {
    port: u16,
    datagrams: Arc<Mutex<Vec<Vec<u8>>>>,
    stopped: Arc<AtomicBool>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let collector = Self {
            port: socket.local_addr().unwrap().port(),
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
        let settings = Settings::default().biflow(true);
        Exporter::udp(format!("127.0.0.1:{}", self.port), settings).unwrap()
    }

    fn received(&mut self) -> Vec<u64> {
        self.decoded().ids()
    }
}

pub(crate) fn sink_contract_holds() {
    // An outage is nothing that a sender of datagrams hears of.
    trouble::sink_contract_holds(Collector::new, 4);
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

/// By count while there is traffic, by time while there is none; and every datagram is whole and short.
pub(crate) fn templates() {
    let collector = Collector::new();
    let settings = Settings::default()
        .message(600)
        .refresh(Duration::from_millis(200), 10);
    let mut sink = Exporter::udp(format!("127.0.0.1:{}", collector.port), settings).unwrap();
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
