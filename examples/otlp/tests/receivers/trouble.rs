//! Receivers that are in trouble.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{
    Flow, FlowSource,
    sink::{DropReason, FlowSink, Refusal, Repeat, retry, testing::flows},
};
use mermin_otlp::{Endpoint, Exporter, Protocol};
use mermin_testing::{LONGEST, soon, trouble, wait};
use tonic::Code;

use crate::{
    decoded::key_of,
    support::{Receiver, Reply, State, settings},
};

pub(crate) const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

pub(crate) fn endpoint(protocol: Protocol, port: u16) -> Endpoint {
    Endpoint::new(protocol, &format!("http://127.0.0.1:{port}")).unwrap()
}

#[test]
fn unreachable_receiver_loses_nothing_after_it_returns() {
    for protocol in BOTH {
        let mut receiver = Receiver::new(protocol);
        let all = flows(600);
        let mut sink = retry(receiver.exporter(), soon());
        let meter = sink.meter().unwrap();
        block_on(sink.export(&all[..200])).unwrap();
        receiver.stop();
        let (mut source, _) = FlowSource::replay(all[200..].to_vec()).open().unwrap();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| block_on(async { source.run(&mut sink).await }));
            // The first error may be of the connection that was there before.
            let refused = "cannot connect to `127.0.0.1:";
            wait(|| {
                let stats = meter.stats();
                let told = stats.last_error;
                stats.retried > 0 && told.is_some_and(|words| words.starts_with(refused))
            });
            receiver.start();
            run.join().unwrap().unwrap();
        });
        let stats = meter.stats();
        assert_eq!((stats.delivered, stats.dropped_in_all()), (600, 0));
        let mut keys = receiver.state().keys();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 600);
    }
}

/// The buffer fills, and its policy drops and counts records.
#[test]
fn unreachable_receiver_drops_and_counts_when_the_buffer_is_full() {
    for protocol in BOTH {
        let mut receiver = Receiver::new(protocol);
        receiver.stop();
        let delivered = trouble::away(receiver.exporter(), || receiver.start());
        let mut keys = receiver.state().keys();
        keys.sort();
        let mut expected: Vec<_> = delivered.iter().map(key_of).collect();
        expected.sort();
        assert_eq!(keys, expected);
    }
}

/// It accepts connections and reads nothing, or reads and answers nothing.
#[test]
fn unanswered_request_is_cancelled_after_the_timeout() {
    for protocol in BOTH {
        let silent = Receiver::new(protocol);
        silent.replies(vec![Reply::Silence; 100]);
        let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
        for port in [silent.port(), deaf.local_addr().unwrap().port()] {
            let limit = Duration::from_millis(200);
            let endpoint = endpoint(protocol, port).timeout(limit);
            let mut sink = Exporter::new(&settings(endpoint)).unwrap();
            for _ in 0..3 {
                let began = Instant::now();
                let error = block_on(sink.export(&flows(100))).unwrap_err();
                let words = format!("no answer from `127.0.0.1:{port}` within 200ms");
                assert_eq!(error.to_string(), words);
                assert!(began.elapsed() >= limit && began.elapsed() < LONGEST);
            }
            block_on(sink.close()).unwrap();
            assert_eq!(sink.meter().unwrap().stats().delivered, 0);
        }
        // A connection that had no answer is not used again.
        assert_eq!(silent.state().connections, 3);
    }
}

#[test]
fn unreachable_receiver_is_given_up_after_the_connect_timeout() {
    // Nobody accepts, so a connection waits for room in the queue.
    let full = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let address: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    rustix::net::bind(&full, &address).unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let address: std::net::SocketAddr =
        rustix::net::getsockname(&full).unwrap().try_into().unwrap();
    let _queued: Vec<_> = (0..4)
        .map_while(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()
        })
        .collect();
    let endpoint = endpoint(Protocol::Grpc, address.port());
    let endpoint = endpoint.connect_timeout(Duration::from_millis(300));
    let mut sink = Exporter::new(&settings(endpoint)).unwrap();
    let error = block_on(sink.export(&flows(1))).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot connect to `127.0.0.1:"),
        "{error}"
    );
}

#[test]
fn retry_delay_of_the_receiver_is_reported() {
    let grpc = Receiver::new(Protocol::Grpc);
    grpc.replies([
        Reply::Status(Code::Unavailable, "busy", Some(3)),
        Reply::Status(Code::ResourceExhausted, "busy", Some(4)),
        Reply::Status(Code::Unavailable, "busy", None),
    ]);
    let http = Receiver::new(Protocol::Http);
    let after = |seconds: &str| vec![("retry-after", seconds.to_owned())];
    http.replies([
        Reply::Http(429, after("3"), b""),
        Reply::Http(503, after("4"), b""),
        Reply::Http(503, Vec::new(), b""),
    ]);
    for receiver in [grpc, http] {
        let mut sink = receiver.exporter();
        for wanted in [Some(3), Some(4), None] {
            let error = block_on(sink.export(&flows(10))).unwrap_err();
            let wanted = wanted.map(|seconds| Repeat::After(Duration::from_secs(seconds)));
            assert_eq!(Refusal::of(&*error), wanted, "{error}");
        }
        block_on(sink.export(&flows(10))).unwrap();
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.delivered, stats.dropped_in_all()), (10, 0));
        assert_eq!(receiver.state().keys().len(), 10);
    }
}

#[test]
fn rejected_records_are_dropped_and_counted() {
    for protocol in BOTH {
        let receiver = Receiver::new(protocol);
        let refusal = match protocol {
            Protocol::Grpc => Reply::Status(Code::InvalidArgument, "no", None),
            Protocol::Http => Reply::Http(400, Vec::new(), b""),
        };
        receiver.replies([Reply::Partial(7), refusal, Reply::Accept]);
        let mut sink = retry(receiver.exporter(), soon());
        for batch in flows(300).chunks(100) {
            block_on(sink.export(batch)).unwrap();
        }
        let stats = sink.meter().unwrap().stats();
        assert_eq!(
            (stats.accepted, stats.delivered, stats.retried),
            (300, 193, 0)
        );
        assert_eq!(stats.dropped_by(DropReason::Refused), 107);
        assert_eq!(stats.dropped_in_all(), 107);
        assert!(stats.last_error.is_some());
    }
}

#[test]
fn invalid_response_is_no_delivery() {
    let receiver = Receiver::new(Protocol::Http);
    let html = vec![("content-type", "text/html".to_owned())];
    receiver.replies([
        Reply::Http(200, html, b"<html>Log in</html>"),
        Reply::Http(200, Vec::new(), b"\xff\xff\xff"),
    ]);
    let mut sink = receiver.exporter();
    for _ in 0..2 {
        let error = block_on(sink.export(&flows(10))).unwrap_err().to_string();
        assert!(
            error.starts_with("the answer is no message of OTLP"),
            "{error}"
        );
    }
    block_on(sink.export(&flows(10))).unwrap();
    assert_eq!(sink.meter().unwrap().stats().delivered, 10);
    // gRPC to one that speaks HTTP/1.1, and the other way round.
    for (receiver, other) in [
        (Protocol::Http, Protocol::Grpc),
        (Protocol::Grpc, Protocol::Http),
    ] {
        let receiver = Receiver::new(receiver);
        let mut sink = Exporter::new(&settings(endpoint(other, receiver.port()))).unwrap();
        let error = block_on(sink.export(&flows(10))).unwrap_err().to_string();
        let begins = [
            "cannot export to `127.0.0.1:",
            "cannot speak HTTP with `127.0.0.1:",
        ];
        assert!(
            begins.iter().any(|begin| error.starts_with(begin)),
            "{error}"
        );
    }
}

#[test]
fn too_large_request_is_split_and_later_ones_stay_small() {
    for protocol in BOTH {
        let limits = State {
            most: Some(100_000),
            ..State::default()
        };
        let receiver = Receiver::with(protocol, limits);
        let mut all = flows(500);
        // One that fits into no request.
        all[77].interface.name = "x".repeat(200_000).into();
        let mut sink = receiver.exporter();
        let requests = || receiver.state().headers.len();
        block_on(sink.export(&all)).unwrap();
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.accepted, stats.delivered), (500, 499));
        assert_eq!(stats.dropped_by(DropReason::Unsendable), 1);
        let before = requests();
        block_on(sink.export(&all[100..])).unwrap();
        let after = requests() - before;
        assert_eq!(sink.meter().unwrap().stats().dropped_in_all(), 1);
        assert!(after > 4 && after < 60, "{after}");
        let mut keys = receiver.state().keys();
        assert_eq!(keys.len(), 499 + 400);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 499);
    }
}

#[test]
fn connection_is_reopened_after_max_age() {
    let receiver = Receiver::new(Protocol::Grpc);
    let young = receiver.endpoint().max_age(Some(Duration::ZERO));
    let old = receiver.endpoint().max_age(None);
    for (endpoint, connections) in [(young, 10), (old, 1)] {
        receiver.state().connections = 0;
        let mut sink = Exporter::new(&settings(endpoint)).unwrap();
        for batch in flows(100).chunks(10) {
            block_on(sink.export(batch)).unwrap();
        }
        assert_eq!(receiver.state().connections, connections);
    }
    assert_eq!(receiver.state().keys().len(), 200);
}

/// Requests under way are refused with it, and nobody has read them.
#[test]
fn receiver_that_closes_after_each_answer_loses_and_doubles_nothing() {
    for protocol in BOTH {
        let once = State {
            once: true,
            ..State::default()
        };
        let receiver = Receiver::with(protocol, once);
        let settings = receiver.settings().message(4096).requests(4);
        let mut sink = retry(Exporter::new(&settings).unwrap(), soon());
        let all = flows(200);
        for batch in all.chunks(100) {
            block_on(sink.export(batch)).unwrap();
        }
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.delivered, stats.dropped_in_all()), (200, 0));
        let mut keys = receiver.state().keys();
        keys.sort();
        let mut expected: Vec<_> = all.iter().map(key_of).collect();
        expected.sort();
        assert_eq!(keys, expected);
        assert!(receiver.state().connections > 4);
    }
}

/// Spans go on when log records are refused for now.
#[test]
fn acknowledged_signal_is_not_sent_again() {
    for protocol in BOTH {
        let receiver = Receiver::new(protocol);
        let busy = match protocol {
            Protocol::Grpc => Reply::Status(Code::Unavailable, "busy", None),
            Protocol::Http => Reply::Http(503, Vec::new(), b""),
        };
        receiver.replies([Reply::Partial(7), busy.clone(), busy]);
        let both = receiver.settings().logs(true);
        let mut sink = Exporter::new(&both).unwrap();
        let all = flows(150);
        for _ in 0..2 {
            block_on(sink.export(&all[..100])).unwrap_err();
        }
        // With others behind them.
        block_on(sink.export(&all)).unwrap();
        let there = receiver.state();
        assert_eq!((there.spans().len(), there.records().len()), (150, 150));
        let counts = sink.meter().unwrap().stats();
        assert_eq!((counts.accepted, counts.delivered), (150, 143));
        assert_eq!(counts.dropped_by(DropReason::Refused), 7);
    }
}

/// Exports records in a call that is dropped when the receiver has read so many more requests.
fn drop_call(sink: &mut Exporter, flows: &[Flow], receiver: &Receiver, requests: usize) {
    let before = receiver.state().headers.len();
    let mut export = std::pin::pin!(sink.export(flows));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(export.as_mut().poll(&mut context).is_pending());
    wait(|| receiver.state().headers.len() >= before + requests);
}

#[test]
fn cancelled_export_loses_and_doubles_nothing() {
    for protocol in BOTH {
        let receiver = Receiver::new(protocol);
        // Small requests, one after the other.
        let endpoint = receiver.endpoint().timeout(Duration::from_secs(2));
        let settings = settings(endpoint).message(4096).requests(1);
        let mut sink = Exporter::new(&settings).unwrap();
        let flows = trouble::dropped_call(&mut sink);
        assert_eq!(receiver.state().keys().len(), flows.len());
        // The receiver confirms the first request and never answers the second.
        receiver.replies([Reply::Accept, Reply::Silence]);
        let mut others = flows;
        for flow in &mut others {
            flow.sequence += 1;
        }
        drop_call(&mut sink, &others, &receiver, 2);
        block_on(sink.export(&others)).unwrap();
        assert_eq!(sink.meter().unwrap().stats().delivered, 200);
        assert_eq!(receiver.state().keys().len(), 200);
    }
}

/// Its receiver may have confirmed a part of the batch, and nobody else knows which one.
#[test]
fn batch_of_a_cancelled_export_is_finished() {
    for protocol in BOTH {
        let receiver = Receiver::new(protocol);
        receiver.state().pause = Duration::from_millis(20);
        let settings = receiver.settings().message(4096).requests(1);
        let mut sink = Exporter::new(&settings).unwrap();
        let flows = flows(40);
        drop_call(&mut sink, &flows, &receiver, 2);
        block_on(sink.close()).unwrap();
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.accepted, stats.delivered), (40, 40));
        assert_eq!(receiver.state().keys().len(), 40);
    }
}

#[test]
fn no_signal_is_an_error() {
    let nothing = settings(Endpoint::default()).traces(false);
    let error = Exporter::new(&nothing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot export by OTLP: traces, logs and metrics are all off: turn one on"
    );
    // In any order, a signal goes where another went.
    assert!(Exporter::new(&nothing.metrics(true)).is_ok());
}
