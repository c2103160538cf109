//! Two CPUs that meet on the same missing keys, while user space closes flows: packets of one flow number come at the same
//! microseconds on both.

use std::{
    thread,
    time::{Duration, Instant},
};

use mermin_core::{
    Flow, FlowSource,
    flow::EndReason,
    lab::{
        Context, Fault, Lab, Order,
        frame::{Segment, flag, tcp_of, udp},
        with_fault,
    },
};

use crate::{
    ground::{add_exact, attempts, for_tests, in_namespace, seconds},
    injectors::pin,
};

crate::cases! {
    cpus_that_meet_make_one_flow,
    cpus_that_meet_in_a_full_table_make_one_flow,
    cpus_that_meet_beyond_full_buckets_make_one_flow,
    cpus_that_meet_with_syns_make_one_flow,
    cpus_that_meet_unguarded_make_two_flows,
    uncounted_keys_make_two_flows,
    overwritten_replacements_lose_a_flow,
    unchecked_takes_give_a_slot_twice,
    unkept_slots_are_lost,
}

/// Packets of each CPU between two looks at the index.
const PACKETS: u32 = 20_000;
/// Longer than all timeouts.
const LATER: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy)]
struct Meeting {
    slots: u32,
    flows: u32,
    /// The frame is a SYN, with another initial number on each CPU: it ends the other one's connection and begins one.
    syn: bool,
    faults: [Option<Fault>; 2],
}

const PLAIN: Meeting = Meeting {
    slots: 16_384,
    flows: 4096,
    syn: false,
    faults: [None; 2],
};

#[derive(Default)]
struct Outcome {
    sent: u64,
    told: u64,
    ignored: Vec<(&'static str, u64)>,
    ended: usize,
    replaced: usize,
    defects: Vec<String>,
}

impl Meeting {
    fn run(self, name: &str) -> Option<Outcome> {
        let outcome = in_namespace(move || self.run_here())?;
        eprintln!(
            "{name}: {} packets, {} flows ended, {} told, ignored {:?}, {} defects: {:?}",
            outcome.sent,
            outcome.ended,
            outcome.told,
            outcome.ignored,
            outcome.defects.len(),
            outcome.defects.first(),
        );
        Some(outcome)
    }

    fn run_here(self) -> Outcome {
        let builder = FlowSource::builder().max_flows(self.slots);
        let faults = self.faults.into_iter().flatten();
        let mut lab = Lab::with(faults.fold(builder, with_fault)).unwrap();
        let (client, server) = (
            "10.0.0.1:1".parse().unwrap(),
            "198.18.0.1:443".parse().unwrap(),
        );
        let frame = |sequence| {
            if !self.syn {
                return udp(client, server, 10);
            }
            let segment = Segment {
                flags: flag::SYN,
                sequence,
                ..Segment::default()
            };
            tcp_of(client, server, &segment)
        };
        let mut outcome = Outcome::default();
        let until = Instant::now() + Duration::from_secs(seconds());
        let mut round = 0;
        while Instant::now() < until && outcome.defects.is_empty() {
            // The second time both CPUs begin with numbers that no connection has, and both replace it.
            for first in [1, 3] {
                thread::scope(|scope| {
                    for (cpu, sequence) in [first, first + 1].into_iter().enumerate() {
                        let frame = frame(sequence);
                        let driver = lab.driver(Order::Together, self.flows).unwrap();
                        scope.spawn(move || {
                            pin(cpu);
                            driver.run(&frame, &HERE, PACKETS).unwrap();
                        });
                    }
                    // Each second round nothing is closed meanwhile, so that all that was made is still there.
                    if round % 2 == 0 {
                        for _ in 0..4 {
                            lab.jump(LATER).unwrap();
                            outcome.add(&lab.take());
                        }
                    }
                });
                outcome.sent += 2 * u64::from(PACKETS);
                outcome.defects.extend(lab.index_defects());
            }
            round += 1;
            while outcome.defects.is_empty() && lab.read().flows != 0 {
                lab.jump(LATER).unwrap();
                outcome.add(&lab.take());
            }
            outcome.defects.extend(lab.index_defects());
        }
        lab.jump(LATER).unwrap();
        outcome.add(&lab.take());
        let stats = lab.stats();
        assert_eq!(stats.packets, outcome.sent, "the ledger's total");
        outcome.ignored = stats
            .ignored()
            .iter()
            .map(|of| (of.reason, of.packets))
            .collect();
        outcome
    }
}

const HERE: Context = Context {
    ifindex: 1,
    ingress_ifindex: 0,
    gso_segs: 0,
    gso_size: 0,
};

impl Outcome {
    fn add(&mut self, records: &[Flow]) {
        for record in records {
            self.ended += usize::from(!record.end_reason.goes_on());
            self.replaced += usize::from(record.end_reason == EndReason::EndOfFlow);
            for half in [record.forward, record.reverse] {
                self.told += half.packets.delta;
            }
        }
    }

    fn assert_exact(&self) {
        let ignored: u64 = self.ignored.iter().map(|(_, packets)| packets).sum();
        assert_eq!(self.told + ignored, self.sent);
        assert!(self.defects.is_empty(), "{:?}", self.defects);
        add_exact(self.sent);
    }
}

fn cpus_that_meet_make_one_flow() {
    let Some(outcome) = PLAIN.run("two CPUs meet") else {
        return;
    };
    outcome.assert_exact();
    // A test run may be preempted while its key is pending, unlike a run at a hook, and then others give up. Flows that are
    // being closed may fill the table.
    let ignored = outcome.ignored.iter();
    let mut others = ignored.filter(|(reason, _)| !matches!(*reason, "race" | "table_full"));
    assert_eq!(others.next(), None);
}

fn cpus_that_meet_in_a_full_table_make_one_flow() {
    let meeting = Meeting {
        slots: 1024,
        ..PLAIN
    };
    let Some(outcome) = meeting.run("two CPUs meet, 1024 slots") else {
        return;
    };
    outcome.assert_exact();
    assert!(
        outcome
            .ignored
            .iter()
            .any(|(reason, _)| *reason == "table_full")
    );
}

/// With a bucket for 32 slots most keys are not in their home.
fn cpus_that_meet_beyond_full_buckets_make_one_flow() {
    let meeting = Meeting {
        slots: 4096,
        faults: [Some(Fault::Crowded(32)), None],
        ..PLAIN
    };
    let Some(outcome) = meeting.run("two CPUs meet, full buckets") else {
        return;
    };
    outcome.assert_exact();
    assert!(
        outcome
            .ignored
            .iter()
            .any(|(reason, _)| *reason == "index_full")
    );
}

fn cpus_that_meet_with_syns_make_one_flow() {
    let meeting = Meeting {
        slots: 131_072,
        syn: true,
        ..PLAIN
    };
    let Some(outcome) = meeting.run("two CPUs meet, SYNs") else {
        return;
    };
    outcome.assert_exact();
    // Flows that were not replaced end by the idle timeout.
    assert!(outcome.replaced > 1000, "{}", outcome.replaced);
}

/// The controls: with each fault in the kernel program, index, slots and free slots stop agreeing.
fn assert_noticed(meeting: Meeting, fault: &str) {
    let Some(object) = for_tests(fault) else {
        return;
    };
    let mut meeting = meeting;
    meeting.faults[1] = Some(object);
    // Luck where other work leaves the attack little of the CPUs.
    for _ in 0..attempts() {
        let Some(outcome) = meeting.run(fault) else {
            return;
        };
        if !outcome.defects.is_empty() {
            return;
        }
    }
    panic!("{} attacks found nothing", attempts());
}

/// Two flows of a key are made where the head of the home is not compared.
fn cpus_that_meet_unguarded_make_two_flows() {
    assert_noticed(PLAIN, "unguarded");
}

/// Two flows of a key are made where keys beyond full buckets are not counted.
fn uncounted_keys_make_two_flows() {
    let meeting = Meeting {
        slots: 4096,
        faults: [Some(Fault::Crowded(32)), None],
        ..PLAIN
    };
    assert_noticed(meeting, "uncounted");
}

/// A flow is in no bucket where another CPU's replacement is overwritten.
fn overwritten_replacements_lose_a_flow() {
    let meeting = Meeting {
        slots: 131_072,
        syn: true,
        ..PLAIN
    };
    assert_noticed(meeting, "overwritten");
}

/// A slot is given to two flows where a number is taken though the top of the stack has changed.
fn unchecked_takes_give_a_slot_twice() {
    let meeting = Meeting {
        slots: 1024,
        ..PLAIN
    };
    assert_noticed(meeting, "unchecked");
}

/// A slot is lost where a CPU does not keep the one that it did not use.
fn unkept_slots_are_lost() {
    let meeting = Meeting {
        slots: 1024,
        ..PLAIN
    };
    assert_noticed(meeting, "unkept");
}
