use std::{task::Wake, time::Duration};

use futures::executor::block_on;
use proptest::prelude::*;

use super::*;
use crate::{
    flow::{FlowId, example::plain},
    sink::{Backoff, SinkStats, from_fn, retry, testing::ManualTimer, threaded},
};

fn flows(ids: std::ops::Range<u32>) -> Vec<Flow> {
    ids.map(|id| {
        let mut flow = plain();
        flow.id = FlowId::from_u128(id.into());
        flow
    })
    .collect()
}

/// A receiver that can be stopped, and lists the records it received.
#[derive(Clone, Default)]
struct Gate {
    state: Arc<Mutex<Door>>,
}

#[derive(Default)]
struct Door {
    shut: bool,
    fails: bool,
    waiting: Option<Waker>,
    batches: Vec<Vec<u128>>,
    closed: u32,
    /// Calls of `close` that still fail.
    close_failures: u32,
}

impl Gate {
    fn door(&self) -> MutexGuard<'_, Door> {
        self.state.lock().unwrap()
    }

    fn open(&self) {
        let mut door = self.door();
        door.shut = false;
        if let Some(waker) = door.waiting.take() {
            waker.wake();
        }
    }

    fn got(&self) -> Vec<u128> {
        self.door().batches.iter().flatten().copied().collect()
    }
}

impl FlowSink for Gate {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        assert!(!flows.is_empty());
        poll_fn(|context| {
            let mut door = self.door();
            if door.shut {
                door.waiting = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        let mut door = self.door();
        if door.fails {
            return Err("down".into());
        }
        door.batches
            .push(flows.iter().map(|flow| flow.id.to_u128()).collect());
        Ok(())
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        let mut door = self.door();
        if door.close_failures > 0 {
            door.close_failures -= 1;
            return Err("cannot close".into());
        }
        door.closed += 1;
        Ok(())
    }
}

fn shut() -> Gate {
    let gate = Gate::default();
    gate.door().shut = true;
    gate
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn counts(stats: &SinkStats) -> [u64; 4] {
    [
        stats.accepted,
        stats.delivered,
        stats.waiting,
        stats.dropped_in_all(),
    ]
}

#[test]
fn full_buffer_blocks_without_dropping() {
    let gate = shut();
    let mut sink = buffered(gate.clone(), 4, Overflow::Block);
    let meter = sink.meter().unwrap();
    // The first batch is being sent, and takes room.
    assert!(poll_once(sink.export(&flows(0..2))).is_ready());
    assert!(poll_once(sink.export(&flows(2..4))).is_ready());
    assert_eq!(counts(&meter.stats()), [4, 0, 4, 0]);
    assert!(meter.stats().oldest.is_some());
    // A call that waits has its records besides the buffer's. Dropped, it stores nothing.
    let records = flows(4..6);
    let mut export = Box::pin(sink.export(&records));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(export.as_mut().poll(context).is_pending());
    let stats = meter.stats();
    assert_eq!((stats.waiting, stats.in_progress), (6, 2));
    drop(export);
    assert_eq!(counts(&meter.stats()), [4, 0, 4, 0]);
    gate.open();
    block_on(sink.export(&flows(4..6))).unwrap();
    // A batch larger than the buffer is exported in pieces.
    block_on(sink.export(&flows(6..20))).unwrap();
    block_on(sink.close()).unwrap();
    assert_eq!(gate.got(), (0..20).collect::<Vec<_>>());
    assert_eq!(counts(&meter.stats()), [20, 20, 0, 0]);
    assert_eq!((gate.door().closed, meter.stats().oldest), (1, None));
    block_on(sink.close()).unwrap();
    assert!(block_on(sink.export(&flows(0..9))).is_err());
}

#[test]
fn newest_or_oldest_records_are_dropped_and_counted() {
    let cases = [
        (Overflow::DropNewest, DropReason::Newest, vec![0, 1, 2, 3]),
        (Overflow::DropOldest, DropReason::Oldest, vec![0, 7, 8, 9]),
    ];
    for (overflow, reason, left) in cases {
        let gate = shut();
        let mut sink = buffered(gate.clone(), 4, overflow);
        let meter = sink.meter().unwrap();
        assert!(poll_once(sink.export(&flows(0..1))).is_ready());
        for from in (1..10).step_by(3) {
            assert!(poll_once(sink.export(&flows(from..from + 3))).is_ready());
        }
        assert_eq!(counts(&meter.stats()), [10, 0, 4, 6]);
        assert_eq!(meter.stats().dropped_by(reason), 6);
        gate.open();
        block_on(sink.close()).unwrap();
        assert_eq!(gate.got(), left);
        assert_eq!(counts(&meter.stats()), [10, 4, 0, 6]);
    }
}

#[test]
fn outage_fills_the_buffer_and_loses_nothing_after_recovery() {
    let gate = Gate::default();
    gate.door().fails = true;
    let timer = ManualTimer::default();
    let inner = retry(gate.clone(), Backoff::default()).timer(timer.clone());
    let mut sink = buffered(inner, 100, Overflow::Block).timer(timer.clone());
    let meter = sink.meter().unwrap();
    for from in (0..100).step_by(10) {
        assert!(poll_once(sink.export(&flows(from..from + 10))).is_ready());
        timer.advance(Duration::from_secs(40));
        let _ = poll_once(sink.idle());
    }
    let stats = meter.stats();
    assert_eq!(counts(&stats), [100, 0, 100, 0]);
    assert!(stats.retried >= 50, "{stats}");
    assert_eq!(stats.last_error.as_deref(), Some("down"));
    gate.door().fails = false;
    timer.advance(Duration::from_secs(40));
    block_on(sink.close()).unwrap();
    assert_eq!(gate.got(), (0..100).collect::<Vec<_>>());
    assert_eq!(counts(&meter.stats()), [100, 100, 0, 0]);
}

#[test]
fn abandoned_batch_is_counted_and_the_next_is_exported() {
    let mut number = 0;
    let sink = from_fn(move |_: &[Flow]| {
        number += 1;
        std::future::ready(match number {
            1 => Err::<(), BoxError>("down".into()),
            2 => Err(Refusal::permanent("unreadable").into()),
            _ => Ok(()),
        })
    });
    let mut sink = buffered(sink, 100, Overflow::Block);
    let meter = sink.meter().unwrap();
    for from in (0..30).step_by(10) {
        assert!(poll_once(sink.export(&flows(from..from + 10))).is_ready());
    }
    block_on(sink.close()).unwrap();
    let stats = meter.stats();
    assert_eq!(counts(&stats), [30, 10, 0, 20]);
    assert_eq!(stats.dropped_by(DropReason::GaveUp), 10);
    assert_eq!(stats.dropped_by(DropReason::Refused), 10);
}

#[test]
fn records_left_at_drop_are_counted() {
    let mut sink = buffered(shut(), 10, Overflow::Block);
    let meter = sink.meter().unwrap();
    assert!(poll_once(sink.export(&flows(0..7))).is_ready());
    assert!(poll_once(sink.close()).is_pending());
    drop(sink);
    let stats = meter.stats();
    assert_eq!(counts(&stats), [7, 0, 0, 7]);
    assert_eq!(stats.dropped_by(DropReason::Closed), 7);
}

#[test]
fn batch_waits_until_its_maximum_age() {
    let timer = ManualTimer::default();
    let gate = Gate::default();
    let batching = Batching::default().records(5).age(Duration::from_secs(1));
    let mut sink = buffered(gate.clone(), 100, Overflow::Block)
        .batch(batching)
        .timer(timer.clone());
    assert!(poll_once(sink.export(&flows(0..3))).is_ready());
    assert!(gate.got().is_empty());
    assert!(poll_once(sink.export(&flows(3..8))).is_ready());
    assert_eq!(gate.door().batches, [[0, 1, 2, 3, 4]]);
    timer.advance(Duration::from_millis(999));
    assert!(poll_once(sink.idle()).is_pending());
    assert_eq!(gate.got().len(), 5);
    timer.advance(Duration::from_millis(1));
    assert!(poll_once(sink.idle()).is_pending());
    assert_eq!(gate.got().len(), 8);
}

#[test]
fn batch_waits_for_nothing_that_the_buffer_has_no_room_for() {
    let timer = ManualTimer::default();
    let gate = Gate::default();
    let batching = Batching::default().records(10).age(Duration::from_secs(60));
    let mut sink = buffered(gate.clone(), 10, Overflow::Block)
        .batch(batching)
        .timer(timer.clone());
    let meter = sink.meter().unwrap();
    for (from, count) in [(0, 6), (6, 6), (12, 3)] {
        assert!(poll_once(sink.export(&flows(from..from + count))).is_ready());
    }
    assert_eq!(gate.door().batches, [[0, 1, 2, 3, 4, 5]]);
    assert!(poll_once(sink.export(&flows(15..17))).is_ready());
    assert_eq!(counts(&meter.stats()), [17, 15, 2, 0]);
    // A batch larger than the buffer, the last piece of which waits for further records again.
    assert!(poll_once(sink.export(&flows(17..38))).is_ready());
    assert_eq!(counts(&meter.stats()), [38, 37, 1, 0]);
    // A call that waits for the receiver ends no batch once there is room.
    gate.door().shut = true;
    assert!(poll_once(sink.export(&flows(38..47))).is_ready());
    assert!(poll_once(sink.export(&flows(47..50))).is_pending());
    gate.open();
    assert!(poll_once(sink.export(&flows(47..50))).is_ready());
    assert_eq!(counts(&meter.stats()), [50, 47, 3, 0]);
}

#[test]
fn incomplete_batch_is_sent_before_records_are_dropped() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (timer, gate) = (ManualTimer::default(), Gate::default());
        let batching = Batching::default().records(10).age(Duration::from_secs(60));
        let mut sink = buffered(gate.clone(), 10, overflow)
            .batch(batching)
            .timer(timer.clone());
        let meter = sink.meter().unwrap();
        for from in [0, 6] {
            assert!(poll_once(sink.export(&flows(from..from + 6))).is_ready());
        }
        assert_eq!(counts(&meter.stats()), [12, 6, 6, 0]);
        timer.advance(Duration::from_secs(7));
        assert_eq!(meter.stats().oldest, Some(Duration::from_secs(7)));
    }
}

/// A sink that counts what it exports once its thread may go on, and tells of it.
struct Blocking {
    goes_on: std::sync::mpsc::Receiver<()>,
    is_through: std::sync::mpsc::Sender<()>,
    meter: Option<Meter>,
}

impl FlowSink for Blocking {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.goes_on.recv()?;
        if let Some(meter) = &self.meter {
            meter.accepted(flows.len());
            meter.delivered(flows.len());
        }
        Ok(())
    }

    async fn idle(&mut self) {
        let _ = self.is_through.send(());
    }

    fn meter(&self) -> Option<Meter> {
        self.meter.clone()
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let _ = self.is_through.send(());
    }
}

#[test]
fn thread_that_goes_on_after_the_drop_counts_no_record_again() {
    for metered in [true, false] {
        // The call ends before the drop, or after it. A sink without a meter has delivered what its caller knows of.
        let known = if metered { [5, 3, 0, 2] } else { [5, 0, 0, 5] };
        for (before, expected) in [(true, known), (false, [5, 0, 0, 5])] {
            let (go_on, goes_on) = std::sync::mpsc::channel();
            let (is_through, through) = std::sync::mpsc::channel();
            let sink = Blocking {
                goes_on,
                is_through,
                meter: metered.then(Meter::default),
            };
            let inside = retry(threaded("apart", sink).unwrap(), Backoff::default());
            let mut sink = buffered(inside, 9, Overflow::Block);
            let meter = sink.meter().unwrap();
            through.recv().unwrap();
            assert!(poll_once(sink.export(&flows(0..3))).is_ready());
            assert!(poll_once(sink.export(&flows(3..5))).is_ready());
            if before {
                go_on.send(()).unwrap();
                through.recv().unwrap();
                drop(sink);
            } else {
                drop(sink);
                assert_eq!(counts(&meter.stats()), expected);
                go_on.send(()).unwrap();
            }
            // The thread has ended.
            through.recv().unwrap();
            assert_eq!(counts(&meter.stats()), expected, "{metered} {before}");
        }
    }
}

#[test]
fn records_left_in_both_of_two_buffers_are_counted() {
    // The inner buffer has the first batch, and no room for the second.
    let inside = buffered(shut(), 4, Overflow::Block);
    let mut sink = buffered(inside, 9, Overflow::Block);
    let meter = sink.meter().unwrap();
    for (from, count) in [(0, 4), (4, 3), (7, 2)] {
        assert!(poll_once(sink.export(&flows(from..from + count))).is_ready());
    }
    assert_eq!(counts(&meter.stats()), [9, 0, 9, 0]);
    drop(sink);
    assert_eq!(counts(&meter.stats()), [9, 0, 0, 9]);
}

/// The attempt's time is over before the thread's call is, and the thread delivers the batch that was given up.
#[test]
fn batch_that_was_given_up_in_a_thread_is_not_counted_as_delivered() {
    let (go_on, goes_on) = std::sync::mpsc::channel();
    let (is_through, through) = std::sync::mpsc::channel();
    let sink = Blocking {
        goes_on,
        is_through,
        meter: None,
    };
    let timer = ManualTimer::default();
    let second = Duration::from_secs(1);
    let once = Backoff::default().attempt(second).elapsed(second);
    let inside = retry(threaded("apart", sink).unwrap(), once).timer(timer.clone());
    let mut sink = buffered(inside, 9, Overflow::Block);
    let meter = sink.meter().unwrap();
    through.recv().unwrap();
    assert!(poll_once(sink.export(&flows(0..3))).is_ready());
    timer.advance(second);
    assert!(poll_once(sink.idle()).is_pending());
    assert_eq!(counts(&meter.stats()), [3, 0, 0, 3]);
    for _ in 0..2 {
        go_on.send(()).unwrap();
    }
    through.recv().unwrap();
    block_on(sink.export(&flows(3..5))).unwrap();
    block_on(sink.close()).unwrap();
    assert_eq!(counts(&meter.stats()), [5, 2, 0, 3]);
}

#[test]
fn worker_wakes_the_task_that_waits() {
    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicU32);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let gate = shut();
    let mut sink = buffered(gate.clone(), 1, Overflow::Block);
    assert!(poll_once(sink.export(&flows(0..1))).is_ready());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let next = flows(1..2);
    let mut export = pin!(sink.export(&next));
    let mut context = Context::from_waker(&waker);
    assert!(export.as_mut().poll(&mut context).is_pending());
    gate.open();
    assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert!(export.as_mut().poll(&mut context).is_ready());
    assert_eq!(gate.got(), [0, 1]);
}

#[test]
fn buffered_fan_out_member_does_not_block_others() {
    let (slow, fast) = (shut(), Gate::default());
    let behind = buffered(slow.clone(), 4, Overflow::DropOldest);
    let meter = behind.meter().unwrap();
    let mut sinks = (behind, fast.clone());
    for from in (0..100).step_by(2) {
        assert!(poll_once(sinks.export(&flows(from..from + 2))).is_ready());
    }
    assert_eq!(fast.got(), (0..100).collect::<Vec<_>>());
    assert_eq!(counts(&meter.stats()), [100, 0, 4, 96]);
    slow.open();
    block_on(sinks.close()).unwrap();
    assert_eq!(slow.got(), [0, 1, 98, 99]);
}

proptest! {
    /// Each record is delivered, dropped or waiting at all times. Delivered records come in order and once.
    #[test]
    fn every_record_is_accounted_for(
        capacity in 1..20_usize,
        policy in 0..3_usize,
        steps in prop::collection::vec((0..4_u8, 1..9_u32), 1..60),
    ) {
        let overflow = [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest][policy];
        let gate = Gate::default();
        let mut sink = buffered(gate.clone(), capacity, overflow)
            .batch(Batching::default().records(3));
        let meter = sink.meter().unwrap();
        let mut next = 0;
        for (what, count) in steps {
            match what {
                0 | 1 => {
                    // No batch is larger than the buffer. A blocked call then stores nothing, so the same records may
                    // come in a later call.
                    let count = count.min(u32::try_from(capacity).unwrap());
                    if poll_once(sink.export(&flows(next..next + count))).is_ready() {
                        next += count;
                    }
                }
                2 => gate.door().shut = count % 2 == 0,
                _ => _ = poll_once(sink.idle()),
            }
            let stats = meter.stats();
            prop_assert!(stats.waiting <= capacity as u64);
            let [accepted, delivered, waiting, dropped] = counts(&stats);
            prop_assert_eq!(accepted, u64::from(next));
            prop_assert_eq!(accepted, delivered + waiting + dropped);
        }
        gate.open();
        block_on(sink.close()).unwrap();
        let got = gate.got();
        prop_assert!(got.is_sorted_by(|one, other| one < other));
        let [accepted, delivered, waiting, dropped] = counts(&meter.stats());
        prop_assert_eq!((waiting, accepted), (0, delivered + dropped));
        prop_assert_eq!(got.len() as u64, delivered);
        prop_assert!(overflow != Overflow::Block || dropped == 0);
    }
}

#[test]
fn dropped_call_does_not_end_an_incomplete_batch() {
    let gate = shut();
    let batching = Batching::default().records(2).age(Duration::from_secs(60));
    let mut sink = buffered(gate.clone(), 4, Overflow::Block)
        .batch(batching)
        .timer(ManualTimer::default());
    assert!(poll_once(sink.export(&flows(0..3))).is_ready());
    assert!(poll_once(sink.export(&flows(3..7))).is_pending());
    gate.open();
    assert!(poll_once(sink.idle()).is_pending());
    assert_eq!(gate.got(), [0, 1]);
}

#[test]
fn close_after_a_failed_close_closes_the_sink() {
    let gate = Gate::default();
    gate.door().close_failures = 2;
    let mut sink = buffered(gate.clone(), 4, Overflow::Block);
    let meter = sink.meter().unwrap();
    block_on(sink.export(&flows(0..2))).unwrap();
    for _ in 0..2 {
        assert!(block_on(sink.close()).is_err());
        // Nothing else calls the sink's `close`.
        block_on(sink.idle());
    }
    assert_eq!((gate.got(), gate.door().closed), (vec![0, 1], 0));
    // A record that comes between two calls of `close` is delivered by the second.
    block_on(sink.export(&flows(2..3))).unwrap();
    block_on(sink.close()).unwrap();
    block_on(sink.close()).unwrap();
    assert_eq!((gate.got(), gate.door().closed), (vec![0, 1, 2], 1));
    assert_eq!(counts(&meter.stats()), [3, 3, 0, 0]);
}
