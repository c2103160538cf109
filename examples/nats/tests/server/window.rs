//! How long a stream knows ids, and an outage that is longer.

use std::{sync::atomic::Ordering, time::Duration};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, testing::flows},
};
use mermin_nats::Exporter;
use mermin_testing::{Proxy, ids, wait};
use serde_json::json;

use crate::support::{Server, settings};

/// The shortest that nats-server 2.9.10 has.
const SHORTEST: u64 = 100_000_000;

/// Publishes records of which the second half is stored and not answered, and gives them again when the stream has forgotten
/// their ids.
fn outlast(server: &Server, flows: &[Flow]) -> u64 {
    let proxy = Proxy::new(server.port, Duration::ZERO);
    let settings = settings(proxy.port).patience(Duration::from_secs(1));
    let mut sink = Exporter::new(settings).unwrap();
    let half = flows.len() / 2;
    wait(|| block_on(sink.export(&flows[..half])).is_ok());
    proxy.state.deaf.store(true, Ordering::Relaxed);
    block_on(sink.export(&flows[half..flows.len() - 10])).unwrap_err();
    let mut client = server.client();
    wait(|| client.count() == flows.len() as u64 - 10);
    // A record that is younger is stored once more: then the window of those has passed as well.
    let younger = &flows_of(flows.len() + 1)[flows.len()..];
    let stored = flows.len() as u64 - 10;
    wait(|| {
        let mut other = Exporter::new(server.settings().subject("FLOWS.probe")).unwrap();
        block_on(other.export(younger)).unwrap();
        client.count() >= stored + 2
    });
    proxy.state.deaf.store(false, Ordering::Relaxed);
    // With others behind them.
    wait(|| block_on(sink.export(&flows[half..])).is_ok());
    assert_eq!(sink.meter().unwrap().stats().delivered, flows.len() as u64);
    sink.doubled().load(Ordering::Relaxed)
}

fn flows_of(count: usize) -> Vec<Flow> {
    flows(u32::try_from(count).unwrap())
}

fn without_probe(server: &Server, flows: &[Flow]) -> Vec<String> {
    let probe = ids(&flows_of(flows.len() + 1)[flows.len()..]);
    let stored = server.ids().into_iter();
    stored.filter(|id| !probe.contains(id)).collect()
}

/// Stored records are looked up, and none is there twice.
pub(crate) fn outlasted() {
    let server = Server::new();
    server.create(&json!({"duplicate_window": SHORTEST}));
    let flows = flows(200);
    assert_eq!(outlast(&server, &flows), 0);
    assert_eq!(without_probe(&server, &flows), ids(&flows));
}

/// Of a stream from which consumers take messages nothing can be known.
pub(crate) fn counted() {
    let server = Server::new();
    server.create(&json!({"duplicate_window": SHORTEST, "retention": "workqueue"}));
    let flows = flows(200);
    assert_eq!(outlast(&server, &flows), 90);
    // All of them are there, and those are there twice.
    let mut stored = without_probe(&server, &flows);
    assert_eq!(stored.len(), 200 + 90);
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), 200);
}

/// A window that is asked for is that of the stream, and the rest of it stays as it was.
pub(crate) fn set() {
    let server = Server::new();
    server.create(&json!({"max_msgs": 777}));
    let settings = server.settings().window(Duration::from_hours(1));
    let mut sink = Exporter::new(settings.clone()).unwrap();
    block_on(sink.export(&flows(3))).unwrap();
    let config = &server.client().info()["config"];
    assert_eq!(config["duplicate_window"], 3_600_000_000_000_u64);
    assert_eq!(
        (&config["max_msgs"], &config["subjects"]),
        (&json!(777), &json!(["FLOWS.>"]))
    );
    // One that the server does not take is reported.
    server.client().must("STREAM.DELETE.FLOWS", "");
    server.create(&json!({"max_age": 60_000_000_000_u64, "duplicate_window": SHORTEST}));
    let mut sink = Exporter::new(settings).unwrap();
    let error = block_on(sink.export(&flows(3))).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot change the stream `FLOWS`: "),
        "{error}"
    );
}
