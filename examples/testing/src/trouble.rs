//! Receivers that are slow, temporarily away or never present. The exporter supplies the sink; the rest of a test is
//! the same for all.

use std::{
    pin::pin,
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{
    Flow, FlowSource,
    sink::{
        DropReason, FlowSink, Overflow, SinkStats, buffered, retry,
        testing::{self, Receiver, flows},
    },
};

use crate::waiting::{LONGEST, soon, wait};

/// Checks that the sink of a receiver keeps the contract of sinks, by this many rules: 5 if the receiver can be
/// stopped, otherwise 4.
pub fn sink_contract_holds<R: Receiver>(receiver: impl FnMut() -> R, rules: usize) {
    let kept = block_on(testing::check(receiver)).unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(kept.len(), rules);
}

/// Exports batches of this size until the disk is full. Returns the delivered records, the refused batch, and the
/// error.
#[must_use]
pub fn until_full<'f>(
    sink: &mut impl FlowSink,
    flows: &'f [Flow],
    size: usize,
) -> (&'f [Flow], &'f [Flow], String) {
    let mut delivered = 0;
    for batch in flows.chunks(size) {
        if let Err(error) = block_on(sink.export(batch)) {
            let words = error.to_string();
            assert!(words.contains("No space left on device"), "{words}");
            assert!(delivered > 0);
            return (&flows[..delivered], batch, words);
        }
        delivered += batch.len();
    }
    panic!("the disk has room for all");
}

/// Exports records in a call that is dropped after the receiver has them and before it answers, and then again with
/// more records. Checks that each is counted once. Returns the records, which the receiver must have once.
#[must_use]
pub fn dropped_call(sink: &mut impl FlowSink) -> Vec<Flow> {
    let meter = sink.meter().unwrap();
    let flows = flows(100);
    {
        let mut export = pin!(sink.export(&flows[..60]));
        let mut context = Context::from_waker(Waker::noop());
        assert!(export.as_mut().poll(&mut context).is_pending());
        wait(|| meter.stats().delivered == 60);
    }
    block_on(sink.export(&flows)).unwrap();
    let stats = meter.stats();
    assert_eq!((stats.accepted, stats.delivered), (100, 100));
    flows
}

/// Exports `count` records to a slow receiver, through a buffer for `capacity`. Checks that the buffer never holds
/// more records, and that all are delivered. Returns the records.
#[must_use]
pub fn slow(sink: impl FlowSink + 'static, count: u32, capacity: usize) -> Vec<Flow> {
    let sink = buffered(retry(sink, soon()), capacity, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(count);
    let (mut source, replayed) = FlowSource::replay(flows.clone()).open().unwrap();
    let most = thread::scope(|scope| {
        let run = scope.spawn(|| block_on(async { source.run(sink).close_within(LONGEST).await }));
        let mut most = 0;
        while !run.is_finished() {
            let stats = meter.stats();
            // A batch that waits for room is in progress, and not in the buffer.
            most = most.max(stats.waiting - stats.in_progress);
            thread::sleep(Duration::from_millis(1));
        }
        run.join().unwrap().unwrap();
        most
    });
    assert!(most > 0 && most <= capacity as u64, "{most}");
    let stats = meter.stats();
    let all = u64::from(count);
    assert_eq!(
        (stats.accepted, stats.delivered, stats.dropped_in_all()),
        (all, all, 0)
    );
    assert_eq!(replayed.arrived().len(), flows.len());
    flows
}

/// Exports 300 records to an absent receiver, through a buffer for 100 that drops the oldest. Checks that 200 are
/// dropped and counted; calls `start`, which starts the receiver; checks that the rest is delivered. Returns the
/// records that the receiver must have: the 50 that were in transit when the buffer filled, and the newest 50.
#[must_use]
pub fn away(sink: impl FlowSink + 'static, start: impl FnOnce()) -> Vec<Flow> {
    let mut sink = buffered(retry(sink, soon()), 100, Overflow::DropOldest);
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
    start();
    block_on(sink.close()).unwrap();
    let stats = meter.stats();
    assert_eq!(
        (stats.delivered, stats.waiting, stats.dropped_in_all()),
        (100, 0, 200)
    );
    [&flows[..50], &flows[250..]].concat()
}

/// Exports 300 records to a receiver that never starts, and closes within `time`. Checks that closing keeps the
/// limit, reports how many records are left, and counts them. Returns the counts.
#[must_use]
pub fn never_comes(sink: impl FlowSink + 'static, time: Duration) -> SinkStats {
    let sink = buffered(retry(sink, soon()), 1000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let (mut source, _) = FlowSource::replay(flows(300)).open().unwrap();
    let began = Instant::now();
    let error = block_on(async { source.run(sink).close_within(time).await }).unwrap_err();
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    assert_eq!(
        error.to_string(),
        format!("cannot deliver all within {time:?}: 300 records are left")
    );
    let stats = meter.stats();
    assert_eq!(
        (stats.accepted, stats.delivered, stats.waiting),
        (300, 0, 0)
    );
    assert_eq!(stats.dropped_by(DropReason::Closed), 300);
    stats
}
