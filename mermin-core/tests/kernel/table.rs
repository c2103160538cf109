//! Too many flows, flows without a hint, a slow consumer: packets are counted late or under a reason, and never lost.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use mermin_core::{
    Attach, Pinning,
    lab::{Fault, with_fault},
};

use crate::support::{
    frame::{numbered, numbered_v6, source},
    host::Pair,
    process::{extent, resident},
    traffic::{Busy, Injector},
    wait::until_true,
    watch::{Watch, applied, on},
};

crate::cases! {
    each_mode full_table_counts_table_full,
    each_mode ipv4_and_ipv6_share_all_room,
    each_mode flows_whose_hint_was_lost_are_found,
    each_mode paused_consumer_loses_nothing,
    each_mode record_that_is_never_acknowledged_keeps_one_slot,
    each_mode_alone stalled_consumer_loses_nothing,
}

/// A consumer may acknowledge in any order: flows that end later give their slots back all the same.
fn record_that_is_never_acknowledged_keeps_one_slot(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .max_flows(64)
        .pinning(Pinning::instance(format!(
            "unacknowledged-{mode:?}-{}",
            std::process::id()
        )))
        .udp_timeout(Duration::from_millis(300));
    let mut watch = Watch::open(&pair.near, options);
    let acknowledger = watch.source.manual_ack();
    let injector = Injector::new(&pair.near, "v0");
    for round in 1..=8 {
        let numbers = (round - 1) * 20..round * 20;
        for number in numbers.clone() {
            injector.send(&numbered(number));
        }
        let all = usize::try_from(numbers.end).unwrap();
        watch.take_until("the ends of a round", |flows| flows.len() == all);
        // The first of all is left out.
        acknowledger.ack_all(&watch.flows[(all - 20).max(1)..]);
    }
    acknowledger.ack_all(&watch.flows[..1]);
    let outcome = watch.finish();
    assert_eq!(outcome.ignored("table_full"), 0);
    assert_eq!(outcome.flows.len(), 160);
}

/// Flows beyond the table's room are counted under their reason, and room returns when flows have ended.
fn full_table_counts_table_full(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").max_flows(100).attach(mode);
    let mut watch = Watch::open(&pair.near, options.clone());
    let injector = Injector::new(&pair.near, "v0");
    let send = |numbers: Range<u64>| {
        for number in numbers {
            injector.send(&numbered(number));
        }
    };
    for _ in 0..3 {
        send(0..1000);
    }
    let refused = watch.stats().ignored();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(
        (refused[0].reason, refused[0].packets),
        ("table_full", 2700)
    );
    // Not before: no flow ends while others are sent, however slow the machine is.
    let shorter = options.udp_timeout(Duration::from_millis(300));
    applied(&watch.handle, shorter);
    watch.take_until("all flows to end", |flows| flows.len() == 100);
    // Their slots come back in the same sweep, which may still go on.
    let swept = watch.stats().sweeps;
    until_true("that sweep to end", || watch.stats().sweeps > swept + 1);
    send(2000..2100);
    let outcome = watch.finish();
    assert_eq!(outcome.ignored("table_full"), 2700);
    assert_eq!(outcome.flows.len(), 200);
    for number in 0..100 {
        let flow = outcome.only(|flow| flow.source.to_string() == source(number).to_string());
        assert_eq!(flow.forward.packets.total, 3);
        outcome.only(|flow| flow.source.to_string() == source(2000 + number).to_string());
    }
}

/// Room is set aside for neither IPv4 nor IPv6: it ends at the same number of flows, whichever they are.
fn ipv4_and_ipv6_share_all_room(mode: Attach) {
    const ROOM: u32 = 100;
    let room = u64::from(ROOM);
    // Of so many flows in turn, the first are IPv6.
    for (ipv6, of) in [(0, 1), (1, 1), (1, 2), (1, 10), (9, 10)] {
        let pair = Pair::new();
        let watch = Watch::open(&pair.near, on("v0").max_flows(ROOM).attach(mode));
        let injector = Injector::new(&pair.near, "v0");
        let send = |numbers: Range<u64>| {
            for number in numbers {
                let frame = if number % of < ipv6 {
                    numbered_v6
                } else {
                    numbered
                };
                injector.send(&frame(number));
            }
        };
        send(0..room);
        let ignored = watch.stats().ignored();
        assert!(ignored.is_empty(), "{ipv6} of {of} are IPv6: {ignored:?}");
        send(room..room + 50);
        let outcome = watch.finish();
        assert_eq!(outcome.ignored("table_full"), 50, "{ipv6} of {of} are IPv6");
        assert_eq!(outcome.all_ignored(), 50);
        assert_eq!(outcome.flows.len() as u64, room);
        let flows = outcome.flows.iter();
        let found = flows.filter(|flow| flow.source.address.is_ipv6()).count();
        assert_eq!(found as u64, room / of * ipv6);
    }
}

/// The kernel program's word on new flows is a hint: without it every flow is found all the same.
fn flows_whose_hint_was_lost_are_found(mode: Attach) {
    const SENT: u64 = 4000;
    let pair = Pair::new();
    let options = with_fault(on("v0").attach(mode), Fault::IgnoresHints);
    let watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..SENT {
        injector.send(&numbered(number));
    }
    until_true("all flows to be found", || watch.stats().flows_open == SENT);
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len() as u64, SENT);
    assert_eq!(outcome.all_ignored(), 0);
}

/// A consumer that stops polling loses nothing: flows stay in the table until it polls again.
fn paused_consumer_loses_nothing(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").max_flows(20_000).attach(mode);
    let options = options.udp_timeout(Duration::from_millis(100));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    let send_all = || {
        for number in 0..10_000 {
            injector.send(&numbered(number));
        }
    };
    send_all();
    until_true("the queue to fill", || watch.stats().flows_ended >= 4096);
    let full = watch.stats();
    until_true("it to be noticed", || {
        watch.stats().sweeps > full.sweeps + 2
    });
    send_all();
    // Five periods take as long as they should: waiting for the consumer is not done by looking all the time.
    let (before, began) = (watch.stats(), Instant::now());
    until_true("five sweeps", || watch.stats().sweeps >= before.sweeps + 5);
    assert!(began.elapsed() > Duration::from_millis(350));
    let after = watch.stats();
    // The queue holds no more than it has room for, and the kernel went on counting.
    assert_eq!(after.flows_ended, before.flows_ended);
    assert!(after.records <= 4096, "{after:#?}");
    assert_eq!(after.packets, 20_000);
    watch.take_until("all packets", |flows| {
        flows
            .iter()
            .map(|flow| flow.forward.packets.delta)
            .sum::<u64>()
            == 20_000
    });
    let outcome = watch.finish();
    assert_eq!(outcome.all_ignored(), 0);
}

/// Nobody takes a record for two seconds, or as many as `MERMIN_STALL_SECONDS` says, while two CPUs send on more flows
/// than the table has room for: it takes no memory, and all is reported afterwards.
fn stalled_consumer_loses_nothing(mode: Attach) {
    const FLOWS: u64 = 10_000;
    let pair = Pair::new();
    let options = on("v0").max_flows(8192).attach(mode);
    let options = options.udp_timeout(Duration::from_millis(100));
    let options = options.active_timeout(Duration::from_millis(500));
    let mut watch = Watch::open(&pair.near, options);
    let busy = Busy::start(|cpu| {
        let injector = match cpu {
            0 => Injector::new(&pair.near, "v0"),
            _ => Injector::new(&pair.far, "v1"),
        };
        move |round| {
            for number in 0..32 {
                injector.send(&numbered((32 * round + number) % FLOWS));
            }
            thread::sleep(Duration::from_millis(1));
            32
        }
    });
    // Memory of what is kept of a flow is first touched when there is one.
    until_true("queue and table to fill", || {
        let stats = watch.stats();
        stats.records >= 4096 && stats.flows_open == stats.flows_capacity
    });
    let full = resident();
    let stall = Duration::from_secs(extent("MERMIN_STALL_SECONDS", 2));
    thread::sleep(stall);
    let (stalled, after) = (watch.stats(), resident());
    assert!(stalled.records <= 4096, "{stalled:#?}");
    assert!(after <= full + 1024, "{full} KiB, then {after} KiB");
    let sent = watch.take_during(busy, Duration::from_millis(500));
    // Packets of the far host are in a queue on their way.
    until_true("all packets", || watch.stats().packets == sent);
    let outcome = watch.finish();
    let told: u64 = outcome
        .flows
        .iter()
        .map(|flow| flow.forward.packets.delta)
        .sum();
    eprintln!(
        "{mode:?}: nobody listened for {stall:?}: {sent} packets, {told} of them in {} records, {} without room; {full} \
         KiB, then {after}",
        outcome.flows.len(),
        outcome.ignored("table_full")
    );
    assert_eq!(told + outcome.ignored("table_full"), sent);
}
