//! `kill -9`, and the broker again on what it stored: one that looks at the numbers of messages.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::{
    Flow, FlowSource,
    sink::{FlowSink, Overflow, buffered, retry, testing::flows},
};
use mermin_kafka::{Exporter, Settings};
use mermin_testing::{LONGEST, Proxy, Tansu, ids, soon, wait};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};

use crate::support::{TOPIC, until};

/// The topic, with one partition: what is in front of its last message is all there is.
fn with_topic(broker: &Tansu) -> Settings {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .create()
        .unwrap();
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(1));
    block_on(admin.create_topics(&[topic], &AdminOptions::new())).unwrap()[0]
        .as_ref()
        .unwrap();
    Settings::new([broker.address()], TOPIC).patience(Duration::from_secs(1))
}

/// Exports one more record, and reads up to it.
fn stored(broker: &Tansu, settings: &Settings, flows: &[Flow]) -> Vec<String> {
    let mut last = flows[0].clone();
    last.sequence += 1000;
    let last = [last];
    block_on(retry(Exporter::new(settings).unwrap(), soon()).export(&last)).unwrap();
    until(&broker.address(), &ids(&last)[0])
}

/// No record is lost, and none is there twice.
#[test]
#[ignore = "takes a Python with Tansu in MERMIN_KAFKA_PYTHON"]
fn broker_killed_mid_stream_loses_and_doubles_nothing() {
    const RECORDS: u32 = 6000;
    let mut broker = Tansu::new();
    let settings = with_topic(&broker);
    let exporter = Exporter::new(&settings).unwrap();
    let doubled = exporter.doubled();
    let sink = buffered(retry(exporter, soon()), 1000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(RECORDS);
    let (mut source, replayed) = FlowSource::replay(flows.clone()).open().unwrap();
    let kills = thread::scope(|scope| {
        let run = scope.spawn(|| block_on(async { source.run(sink).close_within(LONGEST).await }));
        let mut kills = 0;
        for mark in 1..=5 {
            let mark = u64::from(RECORDS) * mark / 7;
            wait(|| meter.stats().delivered >= mark || run.is_finished());
            kills += u32::from(!run.is_finished());
            broker.kill();
            broker.start();
        }
        run.join().unwrap().unwrap();
        kills
    });
    assert!(kills >= 3, "it was over after {kills}");
    let stats = meter.stats();
    let all = u64::from(RECORDS);
    assert_eq!((stats.delivered, stats.dropped_in_all()), (all, 0));
    assert_eq!(doubled.load(Ordering::Relaxed), 0);
    assert_eq!(replayed.arrived().len(), flows.len());
    let mut stored = stored(&broker, &settings, &flows);
    stored.sort();
    let mut expected = ids(&flows);
    expected.sort();
    assert_eq!(stored, expected);
}

/// The topic had them, and nobody heard: they are sent again, and are there once.
#[test]
#[ignore = "takes a Python with Tansu in MERMIN_KAFKA_PYTHON"]
fn lost_acknowledgement_stores_records_once() {
    let mut proxy = None;
    let broker = Tansu::behind(|port| proxy.insert(Proxy::new(port, Duration::ZERO)).port);
    let state = Arc::clone(&proxy.as_ref().unwrap().state);
    let settings = with_topic(&broker);
    let exporter = Exporter::new(&settings).unwrap();
    let doubled = exporter.doubled();
    let mut sink = retry(exporter, soon());
    let flows = flows(500);
    block_on(sink.export(&flows[..100])).unwrap();
    thread::scope(|scope| {
        state.deaf.store(true, Ordering::Relaxed);
        scope.spawn(|| block_on(sink.export(&flows[100..])).unwrap());
        // An answer that says they are there.
        wait(|| state.lost.load(Ordering::Relaxed) > 0);
        state.cut.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(100));
        state.deaf.store(false, Ordering::Relaxed);
        state.cut.store(false, Ordering::Relaxed);
    });
    assert_eq!(doubled.load(Ordering::Relaxed), 0);
    assert_eq!(stored(&broker, &settings, &flows), ids(&flows));
}
