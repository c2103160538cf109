//! Servers that are slow, silent, away or never there.

use std::time::Duration;

use futures::executor::block_on;
use mermin_core::sink::{FlowSink as _, testing::flows};
use mermin_nats::Exporter;
use mermin_testing::{Proxy, free_port, ids, trouble, wait};
use rustix::process::Signal;

use crate::{
    killed::sorted,
    support::{Server, settings},
};

/// Memory is bounded, and nothing is lost, however slow it is.
pub(crate) fn slow() {
    let server = Server::new();
    let proxy = Proxy::new(server.port, Duration::from_millis(1));
    let exporter = Exporter::new(settings(proxy.port).under_way(64)).unwrap();
    let flows = trouble::slow(exporter, 2000, 400);
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
    let delivered = trouble::away(server.exporter(), || server.start());
    assert_eq!(server.ids(), ids(&delivered));
}

/// Closing keeps to its time, and says what is left.
pub(crate) fn never_comes() {
    let exporter = Exporter::new(settings(free_port())).unwrap();
    let stats = trouble::never_comes(exporter, Duration::from_millis(500));
    assert!(stats.retried > 0);
    let words = stats.last_error.unwrap();
    assert!(words.contains("Connection refused"), "{words}");
}
