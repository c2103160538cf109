//! Brokers that are slow, away, never there, refuse or are none.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{DropReason, FlowSink, Overflow, SinkStats, buffered, retry, testing::flows},
};
use mermin_kafka::{Exporter, Settings, StartError};
use mermin_testing::{LONGEST, free_port, soon, sorted_ids, trouble, wait};
use rdkafka::{bindings::rd_kafka_resp_err_t as Answer, types::RDKafkaApiKey};

use crate::support::{Cluster, TOPIC};

/// They go away and come back while records flow, and none is lost.
#[test]
fn restarting_brokers_lose_nothing() {
    const RECORDS: u32 = 6000;
    let cluster = Cluster::new();
    let sink = buffered(retry(cluster.exporter(), soon()), 1000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(RECORDS);
    let (mut source, replayed) = FlowSource::replay(flows.clone()).open().unwrap();
    thread::scope(|scope| {
        let run = scope.spawn(|| block_on(async { source.run(sink).close_within(LONGEST).await }));
        for mark in 1..=4 {
            let mark = u64::from(RECORDS) * mark / 6;
            wait(|| meter.stats().delivered >= mark || run.is_finished());
            assert!(!run.is_finished());
            cluster.down();
            cluster.up();
        }
        run.join().unwrap().unwrap();
    });
    let stats = meter.stats();
    let all = u64::from(RECORDS);
    assert_eq!((stats.delivered, stats.dropped_in_all()), (all, 0));
    assert_eq!(replayed.arrived().len(), flows.len());
    let mut stored = cluster.ids();
    // These brokers do not look at the numbers of messages.
    stored.dedup();
    assert_eq!(stored, sorted_ids(&flows));
}

/// Memory is bounded, and nothing is lost.
#[test]
fn slow_receiver_fills_the_buffer_up_to_its_capacity() {
    let cluster = Cluster::new();
    cluster.slow(Duration::from_millis(100));
    let flows = trouble::slow(cluster.exporter(), 3000, 400);
    assert_eq!(cluster.ids(), sorted_ids(&flows));
}

/// While they are away the buffer fills, and what the policy drops is counted; when they are back the rest is delivered.
#[test]
fn unreachable_broker_drops_and_counts_when_the_buffer_is_full() {
    let cluster = Cluster::new();
    cluster.down();
    let delivered = trouble::away(cluster.exporter(), || cluster.up());
    assert_eq!(cluster.ids(), sorted_ids(&delivered));
}

/// Exports to a port, and closes within its time; what is counted.
fn closed(port: u16) -> SinkStats {
    let settings = Settings::new([format!("127.0.0.1:{port}")], TOPIC);
    let exporter = Exporter::new(&settings.patience(Duration::from_millis(300))).unwrap();
    trouble::never_comes(exporter, Duration::from_secs(2))
}

#[test]
fn absent_broker_at_close_is_reported_and_records_counted() {
    let words = closed(free_port()).last_error.unwrap();
    assert!(words.contains("Connection refused"), "{words}");
}

#[test]
fn peer_that_is_no_broker_is_reported_and_records_counted() {
    // Says nothing, answers in another language, ends at once.
    let answers: [Option<&[u8]>; 3] = [None, Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Some(b"")];
    for answer in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if let Some(answer) = answer {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer);
                } else {
                    held.push(stream);
                }
            }
        });
        assert!(closed(port).last_error.is_some());
    }
}

/// A record refused for good is dropped and counted, whatever else is under way; one refused for now is given again.
#[test]
fn rejected_records_are_dropped_or_retried() {
    let cluster = Cluster::new();
    cluster.0.request_errors(
        RDKafkaApiKey::Produce,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        ],
    );
    let mut sink = retry(cluster.exporter(), soon());
    let meter = sink.meter().unwrap();
    let mut flows = flows(300);
    // One that fits into no message.
    flows[7].interface.name = "x".repeat(1_100_000).into();
    block_on(sink.export(&flows)).unwrap();
    let stats = meter.stats();
    assert_eq!((stats.accepted, stats.delivered), (300, 299));
    assert_eq!(stats.dropped_by(DropReason::Unsendable), 1);
    assert_eq!(stats.dropped_in_all(), 1);
    assert!(stats.retried > 0);
    flows.remove(7);
    assert_eq!(cluster.ids(), sorted_ids(&flows));
}

/// The topic's `max.message.bytes` may be below the size of a batch, in which each record fits. A broker rejects the whole batch then.
#[test]
fn records_of_a_rejected_batch_are_sent_alone() {
    for code in [
        Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Answer::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        Answer::RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ] {
        let cluster = Cluster::new();
        let mut sink = cluster.exporter();
        let meter = sink.meter().unwrap();
        let flows = flows(600);
        for batch in flows.chunks(300) {
            cluster.0.request_errors(RDKafkaApiKey::Produce, &[code; 2]);
            block_on(sink.export(batch)).unwrap();
        }
        let stats = meter.stats();
        assert_eq!((stats.delivered, stats.dropped_in_all()), (600, 0));
        assert_eq!(cluster.ids(), sorted_ids(&flows));
    }
}

/// A record that is rejected alone as well is dropped and counted.
#[test]
fn record_that_is_rejected_alone_is_dropped_and_counted() {
    for (code, reason) in [
        (
            Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
            DropReason::Unsendable,
        ),
        (
            Answer::RD_KAFKA_RESP_ERR_INVALID_RECORD,
            DropReason::Refused,
        ),
    ] {
        let cluster = Cluster::new();
        cluster.0.request_errors(RDKafkaApiKey::Produce, &[code; 2]);
        let mut sink = cluster.exporter();
        let meter = sink.meter().unwrap();
        let flows = flows(2);
        for flow in flows.chunks(1) {
            block_on(sink.export(flow)).unwrap();
        }
        let stats = meter.stats();
        assert_eq!((stats.delivered, stats.dropped_by(reason)), (1, 1));
        assert_eq!(cluster.ids(), sorted_ids(&flows[1..]));
    }
}

/// Brokers that have lost count of the messages: the producer is made anew, and nothing is lost.
#[test]
fn producer_with_a_fatal_error_is_replaced() {
    let cluster = Cluster::new();
    let exporter = cluster.exporter();
    let doubled = exporter.doubled();
    let mut sink = retry(exporter, soon());
    let meter = sink.meter().unwrap();
    let flows = flows(200);
    block_on(sink.export(&flows[..100])).unwrap();
    let lost = Answer::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    cluster.0.request_errors(RDKafkaApiKey::Produce, &[lost; 3]);
    block_on(sink.export(&flows[100..])).unwrap();
    assert_eq!(meter.stats().delivered, 200);
    let mut stored = cluster.ids();
    let all = stored.len() as u64;
    stored.dedup();
    assert_eq!(stored, sorted_ids(&flows));
    assert!(all - 200 <= doubled.load(Ordering::Relaxed));
}

#[test]
fn unknown_setting_is_reported() {
    let settings = Settings::new(["127.0.0.1:1"], TOPIC).with("no.such.thing", "1");
    let error = Exporter::new(&settings).unwrap_err();
    assert!(matches!(error, StartError::Settings(_)));
    assert!(error.to_string().contains("no.such.thing"), "{error}");
}
