//! TCP receivers: one that can be stopped, one that is slow, one that never comes, one that is gone without a word.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, retry, testing::flows},
};
use mermin_ipfix::Exporter;
use mermin_testing::{
    apart::{self, Role},
    free_port, soon, trouble,
};

use crate::{
    collector::{Collector, Pace, settings},
    expected::flow_id,
};

pub(crate) fn sink_contract_holds() {
    trouble::sink_contract_holds(Collector::new, 5);
}

/// Memory is bounded, and nothing is lost, however slow it is.
pub(crate) fn slow() {
    let pace = Pace {
        slow: Some((4096, Duration::from_millis(2))),
        ..Pace::default()
    };
    let mut collector = Collector::with(pace);
    let exporter = Exporter::tcp(collector.address(), settings()).unwrap();
    let flows = trouble::slow(exporter, 5000, 500);
    assert_eq!(collector.ids(), flow_ids(&flows));
}

/// Nothing that it says matters, and nothing is lost.
pub(crate) fn talks() {
    let pace = Pace {
        slow: None,
        talks: true,
    };
    let mut collector = Collector::with(pace);
    let mut sink = retry(
        Exporter::tcp(collector.address(), settings()).unwrap(),
        soon(),
    );
    let flows = flows(3000);
    for batch in flows.chunks(30) {
        block_on(sink.export(batch)).unwrap();
    }
    block_on(sink.close()).unwrap();
    let sessions = collector.decoded();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].ids(), flow_ids(&flows));
}

/// Closing keeps to its time, and says what is left.
pub(crate) fn never_comes() {
    let exporter = Exporter::tcp(format!("127.0.0.1:{}", free_port()), settings()).unwrap();
    let stats = trouble::never_comes(exporter, Duration::from_millis(500));
    assert!(stats.retried > 0);
    let words = stats.last_error.unwrap();
    assert!(words.contains("cannot connect to `127.0.0.1:"), "{words}");
}

/// While it is away the buffer fills, and what the policy drops is counted; when it is back the rest is delivered.
pub(crate) fn away() {
    let mut collector = Collector::new();
    collector.stop();
    let exporter = Exporter::tcp(collector.address(), settings()).unwrap();
    let delivered = trouble::away(exporter, || collector.start());
    assert_eq!(collector.ids(), flow_ids(&delivered));
}

fn flow_ids(flows: &[Flow]) -> Vec<u64> {
    flows.iter().map(flow_id).collect()
}

/// A new connection is a new session: templates are sent, and data records are counted from 0.
pub(crate) fn sessions() {
    let mut collector = Collector::new();
    let mut sink = retry(
        Exporter::tcp(collector.address(), settings()).unwrap(),
        soon(),
    );
    let flows = flows(200);
    for half in flows.chunks(100) {
        block_on(sink.export(half)).unwrap();
        collector.stop();
        collector.start();
    }
    block_on(sink.close()).unwrap();
    let sessions = collector.decoded();
    assert_eq!(sessions.len(), 2);
    for (session, half) in sessions.iter().zip(flows.chunks(100)) {
        assert_eq!(session.messages[0].0, 0);
        session.check_sequence();
        assert_eq!(session.ids(), flow_ids(half));
    }
}

pub(crate) const HALF_OPEN: Role = ("half_open", cut_off);

/// A collector whose packets are dropped is noticed, and found again when they are not.
pub(crate) fn half_open() {
    apart::run(HALF_OPEN, &["--net"]);
}

fn cut_off() {
    apart::command("ip link set lo up");
    let mut collector = Collector::new();
    let settings = settings().patience(Duration::from_secs(1));
    let mut sink = Exporter::tcp(collector.address(), settings).unwrap();
    let flows = flows(300);
    let batches: Vec<_> = flows.chunks(100).collect();
    block_on(sink.export(batches[0])).unwrap();
    apart::command("nft add table inet cut");
    apart::command("nft add chain inet cut input { type filter hook input priority 0; }");
    apart::command(&format!(
        "nft add rule inet cut input tcp dport {} drop",
        collector.port
    ));
    let began = Instant::now();
    for _ in 0..2 {
        // It goes unnoticed for as long as the patience, then by a connection that cannot be made.
        let error = block_on(sink.export(batches[1])).unwrap_err();
        assert!(error.to_string().starts_with("cannot "), "{error}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    apart::command("nft delete table inet cut");
    for batch in &batches[1..] {
        let exported = (0..100).any(|_| block_on(sink.export(batch)).is_ok());
        assert!(exported);
    }
    block_on(sink.close()).unwrap();
    // The connection that was cut may hold some of the second batch once more.
    let mut ids = collector.ids();
    ids.sort_unstable();
    ids.dedup();
    let mut expected = flow_ids(&flows);
    expected.sort_unstable();
    assert_eq!(ids, expected);
}
