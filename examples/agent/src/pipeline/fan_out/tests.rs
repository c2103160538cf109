//! Receivers that are removed and replaced while they have records.

use std::{future::ready, sync::Mutex};

use futures::{FutureExt as _, future::pending};
use mermin_core::sink::{
    Backoff, BoxSink, Meter, Overflow, buffered, from_fn, retry, testing::flows, threaded,
};
use tokio::sync::oneshot;

use super::*;
use crate::configuration::Receiver;

/// A receiver that takes nothing before it is opened.
struct Gate(Option<oneshot::Receiver<()>>);

impl FlowSink for Gate {
    async fn export(&mut self, _: &[Flow]) -> Result<(), BoxError> {
        if let Some(opened) = self.0.as_mut() {
            opened.await?;
        }
        self.0 = None;
        Ok(())
    }
}

fn behind(gate: oneshot::Receiver<()>) -> Prepared {
    let sink = BoxSink::new(buffered(Gate(Some(gate)), 1_000, Overflow::Block));
    Prepared {
        receiver: Receiver::Target {
            text: "gate:".to_owned(),
            name: "gate".to_owned(),
            buffer: 1_000,
            overflow: mermin_config::value::Overflow::Block,
        },
        meter: sink.meter(),
        sink,
        opened: None,
        doubled: None,
    }
}

/// Puts these receivers in the place of all others, as the source would while there are no records.
async fn replace(fan_out: &mut FanOut, added: Vec<Prepared>, close_within: Duration) {
    let exchange = fan_out.exchange.clone();
    let change = exchange.change(Change {
        kept: Vec::new(),
        added,
        decoration: None,
        close_within,
    });
    tokio::select! {
        () = fan_out.idle() => pending().await,
        () = change => {}
    }
}

#[tokio::test]
async fn closing_waits_for_receivers_that_were_removed() {
    let (open, gate) = oneshot::channel();
    let exchange = Exchange::default();
    let mut fan_out = FanOut::new(vec![behind(gate)], None, exchange.clone());
    let records = flows(40);
    fan_out.export(&records).await.unwrap();
    replace(&mut fan_out, Vec::new(), Duration::from_mins(1)).await;
    let count = records.len() as u64;
    assert_eq!((exchange.meters().len(), fan_out.waiting()), (0, count));
    // Called twice, as a caller may drop the future.
    assert!(fan_out.close().now_or_never().is_none());
    open.send(()).unwrap();
    fan_out.close().await.unwrap();
    let (_, stats) = exchange.all_stats().remove(0);
    assert_eq!((stats.delivered, fan_out.waiting()), (count, 0));
    fan_out.close().await.unwrap();
}

/// A receiver of this name without a buffer, which is behind a gate.
fn unbuffered(name: &str, gate: oneshot::Receiver<()>) -> Prepared {
    let sink = BoxSink::new(retry(Gate(Some(gate)), Backoff::default()));
    prepared(name, sink)
}

/// Replaces a receiver that is away by another of this name, while a batch is in progress. Returns the counts of the first: of the
/// batch, waiting before, accepted and dropped after.
async fn replaced_by(successor: &str) -> [u64; 4] {
    let ((_open, gate), (open_next, next_gate)) = (oneshot::channel(), oneshot::channel());
    let exchange = Exchange::default();
    let mut fan_out = FanOut::new(vec![unbuffered("away", gate)], None, exchange.clone());
    let records = flows(40);
    let (_, meter) = exchange.meters().remove(0);
    let shown = exchange.clone();
    let change = async {
        while meter.stats().waiting == 0 {
            tokio::task::yield_now().await;
        }
        let waiting = shown.stats().remove(0).1.waiting;
        let added = vec![unbuffered(successor, next_gate)];
        shown
            .change(Change {
                kept: Vec::new(),
                added,
                decoration: None,
                close_within: Duration::from_mins(1),
            })
            .await;
        open_next.send(()).unwrap();
        waiting
    };
    let (exported, waiting) = join(fan_out.export(&records), change).await;
    exported.unwrap();
    fan_out.close().await.unwrap();
    let (name, stats) = exchange.all_stats().remove(0);
    assert_eq!(name, "away (removed)");
    let count = records.len() as u64;
    assert_eq!(exchange.stats()[0].1.delivered, count);
    [count, waiting, stats.accepted, stats.dropped_in_all()]
}

#[tokio::test]
async fn batch_of_a_removed_receiver_without_a_buffer_is_counted() {
    let [count, waiting, accepted, dropped] = replaced_by("other").await;
    assert_eq!([waiting, accepted, dropped], [count; 3]);
}

#[tokio::test]
async fn batch_that_a_successor_gets_is_not_dropped() {
    let [count, waiting, accepted, dropped] = replaced_by("away").await;
    assert_eq!([waiting, accepted, dropped], [count, 0, 0]);
}

#[tokio::test]
async fn removal_waits_for_the_receiver_that_was_replaced() {
    let ((open, gate), (_open_next, next_gate)) = (oneshot::channel(), oneshot::channel());
    let exchange = Exchange::default();
    let mut fan_out = FanOut::new(vec![behind(gate)], None, exchange.clone());
    let records = flows(40);
    fan_out.export(&records).await.unwrap();
    let successor = vec![behind(next_gate)];
    replace(&mut fan_out, successor, Duration::from_mins(1)).await;
    // The successor has no time, and its predecessor has.
    replace(&mut fan_out, Vec::new(), Duration::ZERO).await;
    let moment = Duration::from_millis(100);
    let closed = tokio::time::timeout(moment, fan_out.close()).await;
    assert!(closed.is_err());
    open.send(()).unwrap();
    fan_out.close().await.unwrap();
    let (_, stats) = exchange.all_stats().remove(0);
    let count = records.len() as u64;
    assert_eq!((stats.delivered, fan_out.waiting()), (count, 0));
}

/// A target of this name.
fn prepared(name: &str, sink: BoxSink) -> Prepared {
    Prepared {
        receiver: Receiver::Target {
            text: name.to_owned(),
            name: name.to_owned(),
            buffer: 0,
            overflow: mermin_config::value::Overflow::Block,
        },
        meter: sink.meter(),
        sink,
        opened: None,
        doubled: None,
    }
}

/// Puts these receivers in the place of all others, while a batch is in progress.
async fn exchanged(exchange: &Exchange, added: Vec<Prepared>) {
    let change = Change {
        kept: Vec::new(),
        added,
        decoration: None,
        close_within: Duration::from_mins(1),
    };
    exchange.change(change).await;
}

/// Waits until a receiver has a batch.
async fn begun(meter: &Meter) {
    while meter.stats().in_progress == 0 {
        tokio::task::yield_now().await;
    }
}

/// Waits until the call that has the batch is dropped.
async fn given_up(meter: &Meter) {
    while meter.stats().in_progress != 0 {
        tokio::task::yield_now().await;
    }
}

/// Accepted, delivered and dropped records of all receivers together.
fn sums(exchange: &Exchange) -> [u64; 3] {
    let mut sums = [0; 3];
    for (_, stats) in exchange.all_stats() {
        let counts = [stats.accepted, stats.delivered, stats.dropped_in_all()];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    sums
}

/// Makes a change while the only receiver has a batch, then closes. Returns the sums of all receivers.
async fn changed_within_a_batch(
    first: Prepared,
    records: &[Flow],
    change: impl AsyncFnOnce(&Exchange, &Meter),
) -> [u64; 3] {
    let exchange = Exchange::default();
    let meter = first.meter.clone().unwrap();
    let mut fan_out = FanOut::new(vec![first], None, exchange.clone());
    let change = async {
        begun(&meter).await;
        change(&exchange, &meter).await;
    };
    let (exported, ()) = join(fan_out.export(records), change).await;
    exported.unwrap();
    fan_out.close().await.unwrap();
    sums(&exchange)
}

#[tokio::test]
async fn successor_gets_what_its_predecessor_has_no_room_for() {
    let (open, gate) = oneshot::channel();
    let sink = buffered(Gate(Some(gate)), 10, Overflow::Block);
    let first = prepared("away", BoxSink::new(sink));
    let records = flows(40);
    let got = Arc::new(Mutex::new(Vec::new()));
    let sums = changed_within_a_batch(first, &records, async |exchange, meter| {
        let got = Arc::clone(&got);
        let successor = from_fn(move |flows: &[Flow]| {
            got.lock().unwrap().extend_from_slice(flows);
            ready(Ok::<_, BoxError>(()))
        });
        let successor = BoxSink::new(retry(successor, Backoff::default()));
        exchanged(exchange, vec![prepared("away", successor)]).await;
        given_up(meter).await;
        open.send(()).unwrap();
    })
    .await;
    let count = records.len() as u64;
    assert_eq!(sums, [count, count, 0]);
    let ids = |flows: &[Flow]| flows.iter().map(|flow| flow.id).collect::<Vec<_>>();
    assert_eq!(ids(&got.lock().unwrap()), ids(&records[10..]));
}

#[tokio::test]
async fn removed_receiver_holds_up_no_other() {
    let (open_gate, gate) = oneshot::channel();
    let exchange = Exchange::default();
    let sink = buffered(Gate(Some(gate)), 10, Overflow::Block);
    let first = prepared("away", BoxSink::new(sink));
    let meter = first.meter.clone().unwrap();
    let mut fan_out = FanOut::new(vec![first], None, exchange.clone());
    let records = flows(40);
    let change = async {
        begun(&meter).await;
        exchanged(&exchange, vec![open("other")]).await;
    };
    // The removed receiver still closes: it has time, and the gate is shut.
    let both = join(fan_out.export(&records), change);
    let (exported, ()) = tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .unwrap();
    exported.unwrap();
    open_gate.send(()).unwrap();
    fan_out.close().await.unwrap();
    let count = records.len() as u64;
    assert_eq!(sums(&exchange), [2 * count, count + 10, count - 10]);
}

/// A sink on a thread of its own, which delivers when it is told, and fails when nobody can tell it. It counts what it delivers.
struct Slow(std::sync::mpsc::Receiver<()>, Meter);

impl FlowSink for Slow {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.0.recv()?;
        self.1.accepted(flows.len());
        self.1.delivered(flows.len());
        Ok(())
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.1.clone())
    }
}

/// A receiver of this name without a buffer, which works on a thread of its own.
fn slow(name: &str, told: std::sync::mpsc::Receiver<()>) -> Prepared {
    let thread = threaded("slow", Slow(told, Meter::default())).unwrap();
    prepared(name, BoxSink::new(retry(thread, Backoff::default())))
}

/// Replaces a receiver that is away twice, by these, while a batch is in progress. Returns the sums of all.
async fn replaced_twice(second: Vec<Prepared>, third: Vec<Prepared>) -> [u64; 3] {
    let (fail, told) = std::sync::mpsc::channel();
    let first = slow("away", told);
    let meter = first.meter.clone().unwrap();
    let sums = changed_within_a_batch(first, &flows(40), async |exchange, _| {
        exchanged(exchange, second).await;
        exchanged(exchange, third).await;
        drop(fail);
    })
    .await;
    assert_eq!(meter.stats().delivered, 0);
    sums
}

/// A receiver that delivers at once.
fn open(name: &str) -> Prepared {
    let sink = from_fn(|_: &[Flow]| ready(Ok::<_, BoxError>(())));
    prepared(name, BoxSink::new(buffered(sink, 1_000, Overflow::Block)))
}

#[tokio::test]
async fn batch_is_delivered_once_if_its_receiver_is_replaced_twice() {
    let count = flows(40).len() as u64;
    let sums = replaced_twice(vec![open("away")], vec![open("away")]).await;
    assert_eq!(sums, [count, count, 0]);
}

#[tokio::test]
async fn batch_is_counted_if_its_receiver_and_then_the_successor_go() {
    let count = flows(40).len() as u64;
    assert_eq!(
        replaced_twice(vec![open("away")], Vec::new()).await,
        [count, 0, count]
    );
}

/// Replaces a receiver whose thread has the batch by another of this name. Returns the sums of all, and the delivered records of the
/// first.
async fn replaced_in_its_thread(successor: &str) -> ([u64; 3], u64) {
    let (deliver, told) = std::sync::mpsc::channel();
    let first = slow("slow", told);
    let meter = first.meter.clone().unwrap();
    let sums = changed_within_a_batch(first, &flows(40), async |exchange, meter| {
        exchanged(exchange, vec![open(successor)]).await;
        given_up(meter).await;
        deliver.send(()).unwrap();
    })
    .await;
    (sums, meter.stats().delivered)
}

#[tokio::test]
async fn batch_that_the_thread_of_a_removed_receiver_delivers_is_not_dropped() {
    let count = flows(40).len() as u64;
    let (sums, first) = replaced_in_its_thread("other").await;
    assert_eq!((sums, first), ([2 * count, 2 * count, 0], count));
}

#[tokio::test]
async fn batch_that_the_thread_of_a_replaced_receiver_delivers_is_not_passed_on() {
    let count = flows(40).len() as u64;
    let (sums, first) = replaced_in_its_thread("slow").await;
    assert_eq!((sums, first), ([count, count, 0], count));
}

#[tokio::test]
async fn receiver_that_comes_back_waits_for_its_removal() {
    let (open_first, gate) = oneshot::channel();
    let exchange = Exchange::default();
    let mut fan_out = FanOut::new(vec![behind(gate)], None, exchange.clone());
    let records = flows(40);
    fan_out.export(&records).await.unwrap();
    replace(&mut fan_out, Vec::new(), Duration::from_mins(1)).await;
    replace(&mut fan_out, vec![open("gate")], Duration::from_mins(1)).await;
    let count = records.len() as u64;
    let change = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(sums(&exchange), [count, 0, 0]);
        open_first.send(()).unwrap();
    };
    let (exported, ()) = join(fan_out.export(&records), change).await;
    exported.unwrap();
    fan_out.close().await.unwrap();
    assert_eq!(sums(&exchange), [2 * count, 2 * count, 0]);
}

/// A receiver that panics when it is opened.
struct Panics(Option<oneshot::Receiver<()>>);

impl FlowSink for Panics {
    async fn export(&mut self, _: &[Flow]) -> Result<(), BoxError> {
        if let Some(opened) = self.0.take() {
            opened.await?;
        }
        panic!("the test wants it");
    }
}

#[tokio::test]
async fn batch_of_a_replaced_receiver_whose_task_panics_is_passed_on() {
    let (open_gate, gate) = oneshot::channel();
    let sink = retry(Panics(Some(gate)), Backoff::default());
    let first = prepared("away", BoxSink::new(sink));
    let records = flows(40);
    let sums = changed_within_a_batch(first, &records, async |exchange, _| {
        exchanged(exchange, vec![open("away")]).await;
        // The change is made, and the task of the first has not run since.
        open_gate.send(()).unwrap();
    })
    .await;
    let count = records.len() as u64;
    assert_eq!(sums, [count, count, 0]);
}

/// Removes a receiver whose task then panics, while it has the batch. Returns the sums of all.
async fn removed_and_panics(first: impl FnOnce(Panics) -> BoxSink) -> [u64; 3] {
    let (open_gate, gate) = oneshot::channel();
    let first = prepared("away", first(Panics(Some(gate))));
    changed_within_a_batch(first, &flows(40), async |exchange, _| {
        exchanged(exchange, Vec::new()).await;
        // The change is made, and the task of the first has not run since.
        open_gate.send(()).unwrap();
    })
    .await
}

#[tokio::test]
async fn batch_of_a_removed_receiver_whose_task_panics_is_counted() {
    let count = flows(40).len() as u64;
    let sums = removed_and_panics(|sink| BoxSink::new(retry(sink, Backoff::default()))).await;
    assert_eq!(sums, [count, 0, count]);
}

#[tokio::test]
async fn records_that_a_panicking_receiver_has_in_its_buffer_are_counted_once() {
    let count = flows(40).len() as u64;
    let sums = removed_and_panics(|sink| BoxSink::new(buffered(sink, 10, Overflow::Block))).await;
    assert_eq!(sums, [count, 0, count]);
}
