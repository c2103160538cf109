//! Two CPUs that meet on the same missing keys, while user space closes flows: packets of one flow number come at the same
//! microseconds on both.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use mermin_core::{
    Flow, FlowSource,
    flow::EndReason,
    lab::{
        Context, Fault, Lab, Order, enter_new_namespace,
        frame::{flag, tcp, udp},
        with_fault,
    },
};

use crate::{PoisonError, TURN, for_tests, hindrance, injectors::pin, seconds};

/// Packets of each CPU between two looks at the index.
const PACKETS: u32 = 20_000;
/// Where the sequence number is in a segment over IPv4 without options.
const SEQUENCE_NUMBER: usize = 14 + 20 + 4;
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
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = thread::spawn(move || {
            if let Some(hindrance) = hindrance() {
                eprintln!("skipped: {hindrance}");
                assert!(
                    env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                    "MERMIN_REQUIRE_KERNEL is set"
                );
                return None;
            }
            enter_new_namespace().unwrap();
            Some(self.run_here())
        });
        let outcome = outcome.join().unwrap()?;
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
        let frames = if self.syn {
            [1, 2].map(|number: u32| {
                let mut frame = tcp(client, server, flag::SYN, 0);
                frame[SEQUENCE_NUMBER..][..4].copy_from_slice(&number.to_be_bytes());
                frame
            })
        } else {
            [10, 10].map(|payload| udp(client, server, payload))
        };
        let mut outcome = Outcome::default();
        let until = Instant::now() + Duration::from_secs(seconds());
        let mut round = 0;
        while Instant::now() < until {
            thread::scope(|scope| {
                for (cpu, frame) in frames.iter().enumerate() {
                    let driver = lab.driver(Order::Together, self.flows).unwrap();
                    scope.spawn(move || {
                        pin(cpu);
                        driver.run(frame, &HERE, PACKETS).unwrap();
                    });
                }
                // Each second time nothing is closed meanwhile, so that all that was made is still there.
                if round % 2 == 0 {
                    for _ in 0..4 {
                        lab.jump(LATER).unwrap();
                        outcome.add(&lab.take());
                    }
                }
            });
            outcome.sent += 2 * u64::from(PACKETS);
            outcome.defects.extend(lab.index_defects());
            round += 1;
            while lab.read().flows != 0 {
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
    }
}

#[test]
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

#[test]
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
#[test]
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

#[test]
fn cpus_that_meet_with_syns_make_one_flow() {
    let meeting = Meeting {
        slots: 65_536,
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

/// The control: CPUs that meet make two flows where the head of the home is not compared.
#[test]
fn cpus_that_meet_unguarded_make_two_flows() {
    let unguarded = for_tests("unguarded");
    if unguarded.is_none() {
        return;
    }
    let meeting = Meeting {
        faults: [unguarded, None],
        ..PLAIN
    };
    let Some(outcome) = meeting.run("two CPUs meet, unguarded") else {
        return;
    };
    assert!(!outcome.defects.is_empty());
}
