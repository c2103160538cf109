//! `kill -9`, and the server again on its folder.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{FlowSink, Overflow, buffered, retry, testing::flows},
};
use mermin_nats::{Exporter, Settings};
use mermin_testing::{LONGEST, Proxy, free_port, ids, soon, wait};

use crate::support::{STREAM, Server, settings};

/// No record is lost, and none is there twice.
pub(crate) fn mid_stream() {
    const RECORDS: u32 = 12_000;
    let mut server = Server::new();
    let exporter = Exporter::new(server.settings().under_way(256)).unwrap();
    let doubled = exporter.doubled();
    let sink = buffered(retry(exporter, soon()), 2000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(RECORDS);
    let (mut source, replayed) = FlowSource::replay(flows.clone()).open().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let exporting = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let run = block_on(async { source.run(sink).close_within(LONGEST).await });
            done.store(true, Ordering::Relaxed);
            run
        }
    });
    let mut kills = 0;
    for mark in 1..=5 {
        // Records are on their way: the stream grows.
        let mark = u64::from(RECORDS) * mark / 7;
        wait(|| meter.stats().delivered >= mark || done.load(Ordering::Relaxed));
        kills += u32::from(!done.load(Ordering::Relaxed));
        server.kill();
        server.start();
    }
    exporting.join().unwrap().unwrap();
    assert!(kills >= 3, "it was over after {kills}");
    let stats = meter.stats();
    let all = u64::from(RECORDS);
    assert_eq!(
        (stats.accepted, stats.delivered, stats.dropped_in_all()),
        (all, all, 0)
    );
    assert!(stats.retried > 0);
    assert_eq!(doubled.load(Ordering::Relaxed), 0);
    assert_eq!(replayed.arrived().len(), flows.len());
    assert_eq!(sorted(server.ids()), sorted(ids(&flows)));
}

pub(crate) fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// The stream had them, and nobody heard: they are sent again, and are there once.
pub(crate) fn unanswered() {
    let mut server = Server::new();
    let proxy = Proxy::new(server.port, Duration::ZERO);
    let mut sink = Exporter::new(settings(proxy.port).patience(Duration::from_secs(2))).unwrap();
    let flows = flows(200);
    block_on(sink.export(&flows[..100])).unwrap();
    proxy.state.deaf.store(true, Ordering::Relaxed);
    let error = block_on(sink.export(&flows)).unwrap_err().to_string();
    assert!(error.starts_with("cannot publish under `FLOWS."), "{error}");
    let mut client = server.client();
    wait(|| client.count() == 200);
    server.kill();
    server.start();
    proxy.state.deaf.store(false, Ordering::Relaxed);
    wait(|| block_on(sink.export(&flows)).is_ok());
    assert_eq!(server.ids(), ids(&flows));
}

/// One of them is there.
pub(crate) fn several() {
    let server = Server::new();
    let away = || format!("127.0.0.1:{}", free_port());
    let there = format!("127.0.0.1:{}", server.port);
    let settings = Settings::new([away(), there, away()], STREAM);
    let flows = flows(40);
    for batch in flows.chunks(10) {
        // Each begins with a server that is drawn.
        let mut sink = Exporter::new(settings.clone()).unwrap();
        block_on(sink.export(batch)).unwrap();
        block_on(sink.close()).unwrap();
    }
    assert_eq!(server.ids(), ids(&flows));
}
