//! Servers that are slow, silent, away or never there.

use std::{
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::sink::{
    DropReason, FlowSink, Overflow, buffered, retry,
    testing::{flows, replay},
};
use mermin_nats::Exporter;
use rustix::process::Signal;

use crate::{
    killed::sorted,
    proxy::Proxy,
    support::{LONGEST, Server, free_port, ids, settings, soon, wait},
};

/// Memory is bounded, and nothing is lost, however slow it is.
pub(crate) fn slow() {
    const CAPACITY: usize = 400;
    let server = Server::new();
    let proxy = Proxy::new(server.port, Duration::from_millis(1));
    let exporter = Exporter::new(settings(proxy.port).under_way(64)).unwrap();
    let sink = buffered(retry(exporter, soon()), CAPACITY, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(2000);
    let (mut source, replayed) = replay(flows.clone()).unwrap();
    let most = thread::scope(|scope| {
        let run = scope.spawn(|| block_on(async { source.run(sink).close_within(LONGEST).await }));
        let mut most = 0;
        while !run.is_finished() {
            most = most.max(meter.stats().waiting);
            thread::sleep(Duration::from_millis(1));
        }
        run.join().unwrap().unwrap();
        most
    });
    assert!(most > 0 && most <= CAPACITY as u64, "{most}");
    let stats = meter.stats();
    assert_eq!(
        (stats.accepted, stats.delivered, stats.dropped_in_all()),
        (2000, 2000, 0)
    );
    assert_eq!(replayed.arrived().len(), 2000);
    assert_eq!(server.ids(), ids(&flows));
}

/// It accepts connections and says nothing; then it goes on.
pub(crate) fn half_open() {
    let server = Server::new();
    let settings = server.settings().patience(Duration::from_millis(500));
    let mut sink = Exporter::new(settings).unwrap();
    let flows = flows(300);
    let batches: Vec<_> = flows.chunks(100).collect();
    wait(|| block_on(sink.export(batches[0])).is_ok());
    server.signal(Signal::STOP);
    for begins in [
        "cannot publish under `FLOWS.",
        "cannot connect to `127.0.0.1:",
    ] {
        // Messages on their way are not answered; then the kernel connects, and nobody says who is there.
        let error = block_on(sink.export(batches[1])).unwrap_err().to_string();
        assert!(error.starts_with(begins), "{error}");
        assert!(
            error.ends_with("the server says nothing for 500ms"),
            "{error}"
        );
    }
    server.signal(Signal::CONT);
    for batch in &batches[1..] {
        wait(|| block_on(sink.export(batch)).is_ok());
    }
    block_on(sink.close()).unwrap();
    assert_eq!(sorted(server.ids()), sorted(ids(&flows)));
}

/// While it is away the buffer fills, and what the policy drops is counted; when it is back the rest is delivered.
pub(crate) fn away() {
    let mut server = Server::new();
    server.kill();
    let mut sink = buffered(retry(server.exporter(), soon()), 100, Overflow::DropOldest);
    let meter = sink.meter().unwrap();
    let flows = flows(300);
    for batch in flows.chunks(50) {
        block_on(sink.export(batch)).unwrap();
    }
    let stats = meter.stats();
    assert_eq!(
        (stats.accepted, stats.delivered, stats.waiting),
        (300, 0, 100)
    );
    assert_eq!(stats.dropped_by(DropReason::Oldest), 200);
    assert_eq!(stats.dropped_in_all(), 200);
    server.start();
    block_on(sink.close()).unwrap();
    let stats = meter.stats();
    assert_eq!(
        (stats.delivered, stats.waiting, stats.dropped_in_all()),
        (100, 0, 200)
    );
    // Those that were on their way when it filled, and the newest.
    let kept = [&flows[..50], &flows[250..]].concat();
    assert_eq!(server.ids(), ids(&kept));
}

/// Closing keeps to its time, and says what is left.
pub(crate) fn never_comes() {
    let exporter = Exporter::new(settings(free_port())).unwrap();
    let sink = buffered(retry(exporter, soon()), 1000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let (mut source, _) = replay(flows(300)).unwrap();
    let began = Instant::now();
    let time = Duration::from_millis(500);
    let error = block_on(async { source.run(sink).close_within(time).await }).unwrap_err();
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    assert_eq!(
        error.to_string(),
        "cannot deliver all within 500ms of closing: 300 records are left"
    );
    let stats = meter.stats();
    assert_eq!(
        (stats.accepted, stats.delivered, stats.waiting),
        (300, 0, 0)
    );
    assert_eq!(stats.dropped_by(DropReason::Closed), 300);
    assert!(stats.retried > 0);
    let words = stats.last_error.unwrap();
    assert!(words.contains("Connection refused"), "{words}");
}
