//! Receivers that are slow or do not answer: memory, connections and closing are bounded.

use std::{io::Read as _, net::TcpListener, time::Duration};

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{FlowSink as _, Overflow, buffered, retry, testing::flows},
};
use mermin_otlp::Exporter;
use mermin_testing::{soon, trouble, wait};

use crate::{
    support::{Receiver, State, settings},
    trouble::{BOTH, endpoint},
};

/// Memory is bounded, and nothing is lost.
#[test]
fn slow_receiver_fills_the_buffer_up_to_its_capacity() {
    for protocol in BOTH {
        let limits = State {
            pause: Duration::from_millis(20),
            ..State::default()
        };
        let receiver = Receiver::with(protocol, limits);
        let flows = trouble::slow(receiver.exporter(), 4000, 400);
        assert_eq!(receiver.state().keys().len(), flows.len());
    }
}

/// Connections, memory and the time to close, of one that accepts and never answers.
#[test]
fn dead_receiver_uses_bounded_memory_and_connections() {
    for protocol in BOTH {
        let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = deaf.local_addr().unwrap().port();
        let endpoint = endpoint(protocol, port).timeout(Duration::from_millis(30));
        let exporter = Exporter::new(&settings(endpoint)).unwrap();
        let sink = buffered(retry(exporter, soon()), 1000, Overflow::DropOldest);
        let meter = sink.meter().unwrap();
        let (mut source, _) = FlowSource::replay(flows(3000)).open().unwrap();
        // The source ends by itself, and then closing begins.
        let time = Duration::from_secs(1);
        let error = block_on(async { source.run(sink).close_within(time).await });
        let error = error.unwrap_err();
        let left = "cannot deliver all within 1s: ";
        assert!(error.to_string().starts_with(left), "{error}");
        let stats = meter.stats();
        assert_eq!((stats.delivered, stats.waiting), (0, 0));
        assert_eq!(stats.accepted, stats.dropped_in_all());
        assert!(stats.retried > 0);
        // The listener has all that were made, and each of them is over.
        deaf.set_nonblocking(true).unwrap();
        let mut open = 0;
        while let Ok((stream, _)) = deaf.accept() {
            stream.set_nonblocking(false).unwrap();
            wait(|| is_over(&stream));
            open += 1;
        }
        assert!(open > 0);
    }
}

/// True if the other side has closed it, with what it had sent before.
fn is_over(mut stream: &std::net::TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    let mut buffer = [0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
