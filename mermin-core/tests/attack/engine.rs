//! The attack on the real program and the real engine: flows are closed all the time while two threads inject, and
//! every packet must be in exactly one record, or under exactly one reason.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on};
use mermin_core::{
    FlowSource, FlowSourceBuilder, Handle, Stats, Timeouts,
    lab::{Fault, Injector, with_fault},
};

use crate::{
    account::Account,
    ground::{add_exact, attempts, for_tests, in_namespace, seconds},
    injectors::{Counts, Injectors, Kind, pin},
};

crate::cases! {
    few_flows_closed_continuously_lose_nothing,
    many_flows_closed_continuously_lose_nothing,
    connections_that_restart_while_they_are_closed_lose_nothing,
    restarted_connections_whose_hint_was_lost_lose_nothing,
    records_of_continuing_flows_lose_nothing,
    flows_whose_hint_was_lost,
    permanently_full_table_loses_nothing,
    grace_periods_by_an_array_of_maps_suffice,
    without_grace_periods_packets_are_lost,
    grace_periods_prevent_loss_by_slow_programs,
}

/// One case.
#[derive(Clone, Copy)]
struct Attack {
    kind: Kind,
    flows: u16,
    slots: u32,
    idle: Duration,
    active: Duration,
    faults: [Option<Fault>; 2],
    /// The engine keeps to the first CPU, and the second injector has the second for itself: its runs are never
    /// interrupted by the engine, which sees them half done as often as can be.
    apart: bool,
}

const SHORT: Duration = Duration::from_nanos(1);

const PLAIN: Attack = Attack {
    kind: Kind::Udp,
    flows: 64,
    slots: 8192,
    idle: SHORT,
    active: Duration::from_secs(60),
    faults: [None; 2],
    apart: false,
};

/// Its outcome.
struct Outcome {
    truth: Counts,
    told: Account,
    stats: Stats,
}

impl Attack {
    /// Runs it in a network namespace of its own; `None` where the kernel is out of reach.
    fn run(self, name: &str) -> Option<Outcome> {
        let outcome = in_namespace(move || self.run_here())?;
        eprintln!("{name}: {}", outcome.summary());
        Some(outcome)
    }

    fn builder(self) -> FlowSourceBuilder {
        let mut timeouts = Timeouts::default();
        timeouts.active = self.active;
        for idle in [
            &mut timeouts.udp,
            &mut timeouts.tcp,
            &mut timeouts.tcp_fin,
            &mut timeouts.tcp_half_closed,
            &mut timeouts.tcp_rst,
        ] {
            *idle = self.idle;
        }
        let builder = FlowSource::builder()
            .interfaces(["v0"])
            .timeouts(timeouts)
            .max_flows(self.slots);
        self.faults.into_iter().flatten().fold(builder, with_fault)
    }

    fn run_here(self) -> Outcome {
        // Down, so that the kernel sends nothing of its own.
        ip("link add v0 type veth peer name v1");
        if self.apart {
            pin(0);
        }
        let mut source = block_on(self.builder().open()).unwrap();
        let ifindex = source.report().interfaces[0].index;
        let handle = source.handle();
        let injectors = Injectors::start(
            &Injector::new(&handle).unwrap(),
            ifindex,
            self.kind,
            self.flows,
        );
        let until = Instant::now() + Duration::from_secs(seconds());
        let closing = thread::spawn(move || {
            thread::sleep(until.saturating_duration_since(Instant::now()));
            // Closed before the stream is, so that nothing is injected after the programs are detached.
            let truth = injectors.stop();
            Handle::close(&handle);
            truth
        });
        let mut told = Account::new(self.flows);
        block_on(async {
            while let Some(record) = source.next().await {
                told.add(&record.unwrap());
            }
        });
        Outcome {
            truth: closing.join().unwrap(),
            told,
            stats: source.handle().stats(),
        }
    }
}

fn ip(arguments: &str) {
    let done = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .unwrap();
    assert!(done.status.success(), "ip {arguments}: {done:?}");
}

fn sum(counts: &Counts) -> u64 {
    counts.iter().flatten().map(|[packets, _]| packets).sum()
}

impl Outcome {
    fn ignored(&self) -> u64 {
        self.stats.ignored().iter().map(|of| of.packets).sum()
    }

    /// Packets missing from records (positive) or exported twice (negative); those under a reason count as exported.
    fn missing(&self) -> i64 {
        (sum(&self.truth) - self.ignored()).cast_signed() - sum(&self.told.counts).cast_signed()
    }

    /// Flows and directions whose records differ from what was injected.
    fn wrong(&self) -> usize {
        self.truth
            .iter()
            .flatten()
            .zip(self.told.counts.iter().flatten())
            .filter(|(truth, told)| truth != told)
            .count()
    }

    /// No packet has a reason, but for a few under `race`: a CPU that the hypervisor stops while its key is pending lets others give up.
    fn assert_counted(&self) {
        let ignored = self.stats.ignored();
        assert!(
            ignored.iter().all(|of| of.reason == "race"),
            "{}",
            self.summary()
        );
        assert!(
            self.ignored() * 100_000 <= sum(&self.truth),
            "{}",
            self.summary()
        );
    }

    fn summary(&self) -> String {
        format!(
            "{} packets, {} flows ended in {} records, {} grace periods; missing {}, wrong ways {}, absurd {}; ignored {:?}",
            sum(&self.truth),
            self.told.ended,
            self.told.records,
            self.stats.rcu_waits,
            self.missing(),
            self.wrong(),
            self.told.absurd.len(),
            self.stats
                .ignored()
                .iter()
                .map(|of| (of.reason, of.packets))
                .collect::<Vec<_>>(),
        )
    }

    /// Every packet is exported once, in the right flow and direction.
    fn assert_exact(&self) {
        let absurd = self.told.absurd.first();
        assert!(absurd.is_none(), "{absurd:?}");
        assert_eq!(self.told.unfinished(), 0);
        assert_eq!(self.stats.packets, sum(&self.truth), "the ledger's total");
        assert_eq!(self.missing(), 0, "{}", self.summary());
        for (truth, told) in self.truth.iter().zip(&self.told.counts) {
            for (truth, told) in truth.iter().zip(told) {
                assert!(told[0] <= truth[0] && told[1] <= truth[1], "told too much");
            }
        }
        if self.ignored() == 0 {
            assert_eq!(self.wrong(), 0, "{}", self.summary());
        }
        add_exact(sum(&self.truth));
    }
}

pub(crate) fn few_flows_closed_continuously_lose_nothing() {
    let Some(outcome) = PLAIN.run("64 UDP flows") else {
        return;
    };
    outcome.assert_exact();
    outcome.assert_counted();
    assert!(outcome.told.ended > 1000);
}

fn many_flows_closed_continuously_lose_nothing() {
    let attack = Attack {
        flows: 4096,
        slots: 16_384,
        ..PLAIN
    };
    let Some(outcome) = attack.run("4096 UDP flows") else {
        return;
    };
    outcome.assert_exact();
    assert!(outcome.told.ended > 10_000);
}

fn connections_that_restart_while_they_are_closed_lose_nothing() {
    let attack = Attack {
        kind: Kind::Tcp,
        // Each restart takes a slot until the one before it is closed.
        slots: 131_072,
        ..PLAIN
    };
    let Some(outcome) = attack.run("64 TCP flows") else {
        return;
    };
    outcome.assert_exact();
}

fn restarted_connections_whose_hint_was_lost_lose_nothing() {
    let attack = Attack {
        kind: Kind::Tcp,
        flows: 4096,
        slots: 131_072,
        faults: [Some(Fault::IgnoresHints), None],
        ..PLAIN
    };
    let Some(outcome) = attack.run("4096 TCP flows, found by looking") else {
        return;
    };
    outcome.assert_exact();
}

fn records_of_continuing_flows_lose_nothing() {
    let attack = Attack {
        idle: Duration::from_millis(30),
        active: SHORT,
        ..PLAIN
    };
    let Some(outcome) = attack.run("64 UDP flows, a record at each sweep") else {
        return;
    };
    outcome.assert_exact();
    assert!(outcome.told.records > outcome.told.ended);
}

fn flows_whose_hint_was_lost() {
    let attack = Attack {
        flows: 4096,
        slots: 16_384,
        faults: [Some(Fault::IgnoresHints), None],
        ..PLAIN
    };
    let Some(outcome) = attack.run("4096 UDP flows, found by looking") else {
        return;
    };
    outcome.assert_exact();
}

fn permanently_full_table_loses_nothing() {
    let attack = Attack {
        flows: 4096,
        slots: 1024,
        ..PLAIN
    };
    let Some(outcome) = attack.run("4096 UDP flows, 1024 slots") else {
        return;
    };
    outcome.assert_exact();
    assert!(outcome.ignored() > 0);
}

fn grace_periods_by_an_array_of_maps_suffice() {
    let attack = Attack {
        faults: [Some(Fault::GraceByMap), None],
        ..PLAIN
    };
    let Some(outcome) = attack.run("64 UDP flows, grace by map") else {
        return;
    };
    outcome.assert_exact();
    outcome.assert_counted();
}

/// The kernel program with a wider window between look-up and count.
fn widened() -> Option<Fault> {
    for_tests("widened")
}

/// The control: what finds nothing elsewhere finds something here.
fn without_grace_periods_packets_are_lost() {
    let attack = Attack {
        faults: [widened(), Some(Fault::NoGrace)],
        apart: true,
        ..PLAIN
    };
    if attack.faults[0].is_none() {
        return;
    }
    // A loss takes luck where other work leaves the attack little of the CPUs.
    for _ in 0..attempts() {
        let Some(outcome) = attack.run("64 UDP flows, slow program, no grace") else {
            return;
        };
        if outcome.wrong() > 0 {
            return;
        }
    }
    panic!("{} attacks lost nothing", attempts());
}

fn grace_periods_prevent_loss_by_slow_programs() {
    let attack = Attack {
        faults: [widened(), None],
        apart: true,
        ..PLAIN
    };
    if attack.faults[0].is_none() {
        return;
    }
    let Some(outcome) = attack.run("64 UDP flows, slow program") else {
        return;
    };
    outcome.assert_exact();
    outcome.assert_counted();
}
