//! Cost of a packet in the kernel program, by `BPF_PROG_TEST_RUN`.

mod analysis;
mod choices;
mod drops;
mod live;

use std::{io, process::ExitCode};

use mermin_benches::{
    Options, Report, Result, Row, cpu,
    frames::{fragments, odd, rarer_protocols, tcp4, tcp4_back, tcp6, tunnelled, udp4, vlan},
    summary,
};
use mermin_core::lab::{Context, Floor, HookDirection, Lab, Least, Order, VERIFIED_LIMIT};

/// Numbers of flows in benchmarks with many flows, and the words for them.
const MANY: [(u32, &str); 2] = [(60_000, "60k"), (1_000_000, "1m")];
/// Room of the other benchmarks.
const ROOM: u32 = 1 << 17;
const HERE: Context = Context {
    ifindex: 1,
    ingress_ifindex: 0,
    gso_segs: 0,
    gso_size: 0,
};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == live::ECHO) {
        return match live::echo() {
            Ok(()) => ExitCode::SUCCESS,
            // The client has gone.
            Err(_) => ExitCode::FAILURE,
        };
    }
    mermin_benches::main("kernel", |options, report| {
        let cpus = cpu::allowed()?;
        let here = *cpus.last().unwrap_or(&0);
        cpu::pin(here)?;
        known(options, report)?;
        choices::choices(options, report)?;
        analysis::analysis(options, report)?;
        drops::drops(options, report)?;
        live::live(options, report, here)?;
        for (flows, number) in MANY {
            many(options, report, flows, number)?;
        }
        new(options, report)?;
        match cpus.iter().find(|cpu| **cpu != here) {
            Some(&other) => shared(options, report, other)?,
            None => report.row(&Row::new("two_cpus").note("skipped: there is one CPU")),
        }
        size(report)
    })
}

/// Measures one known flow.
fn known(options: Options, report: &mut Report) -> Result<()> {
    let lab = Lab::open(ROOM)?;
    let repeat = options.scaled(200_000);
    let goals = [
        ("tcp4", tcp4(1), 30.0),
        ("udp4", udp4(1), 30.0),
        ("tcp6", tcp6(1), 45.0),
    ];
    let rare = [("vlan_tcp4", vlan(1))]
        .into_iter()
        .chain(rarer_protocols())
        .chain(tunnelled())
        .chain(fragments())
        .chain(odd())
        .map(|(name, frame)| (name, frame, f64::INFINITY));
    let cases: Vec<(&str, Vec<u8>, f64)> = goals.into_iter().chain(rare).collect();
    let mut empty = Vec::new();
    let mut found = vec![Vec::new(); cases.len()];
    for round in 0..=options.scaled(100) {
        let bare = lab.run_empty(&cases[0].1, &HERE, repeat)?.nanoseconds;
        let mut costs = Vec::new();
        for (_, frame, _) in &cases {
            let run = lab.run(HookDirection::Ingress, frame, &HERE, repeat)?;
            costs.push(run.nanoseconds);
        }
        // The first round warms up.
        if round != 0 {
            empty.push(bare);
            for (all, cost) in found.iter_mut().zip(costs) {
                all.push(cost);
            }
        }
    }
    let empty = summary(empty);
    for ((name, _, limit), found) in cases.iter().zip(found) {
        let found = summary(found);
        let mut row = Row::new(*name)
            .with("ns", found.median)
            .with("min_ns", found.min)
            .with("p99_ns", found.p99)
            .with("empty_ns", empty.median)
            .with("net_ns", found.median - empty.median);
        if limit.is_finite() {
            row = row.at_most("net", found.median - empty.median, *limit);
        }
        report.row(&row);
    }
    Ok(())
}

/// Measures many known flows in random order; rows are named after their number.
fn many(options: Options, report: &mut Report, flows: u32, number: &str) -> Result<()> {
    let room = flows.next_power_of_two() * 2;
    let lab = Lab::open(room)?;
    let repeat = options.scaled(600_000);
    let frame = udp4(0);
    lab.driver(Order::Sequence, flows)?
        .run(&frame, &HERE, flows)?;
    let one = (
        lab.driver(Order::Random, 1)?,
        lab.empty_driver(Order::Random, 1)?,
    );
    let all = (
        lab.driver(Order::Random, flows)?,
        lab.empty_driver(Order::Random, flows)?,
    );
    let floor = |floor| Least::new(floor, room)?.driver(Order::Random, flows);
    let floors = (floor(Floor::Line)?, floor(Floor::Hash)?);
    // As much memory as the slots of these flows.
    let lines = cpu::Lines::new(flows * 5);
    let mut misses = Vec::new();
    let mut figures = [const { Vec::new() }; 7];
    for round in 0..=options.scaled(60) {
        let costs = [
            all.0.run(&frame, &HERE, repeat)?,
            all.1.run(&frame, &HERE, repeat)?,
            one.0.run(&frame, &HERE, repeat)?,
            one.1.run(&frame, &HERE, repeat)?,
            lab.run_empty(&frame, &HERE, repeat)?,
            floors.0.run(&frame, &HERE, repeat)?,
            floors.1.run(&frame, &HERE, repeat)?,
        ];
        let miss = lines.read(repeat);
        if round != 0 {
            misses.push(miss);
            for (all, cost) in figures.iter_mut().zip(costs) {
                all.push(cost.nanoseconds);
            }
        }
    }
    let live = lab.read().flows;
    if live != u64::from(flows) {
        return Err(format!("{live} flows are live instead of {flows}").into());
    }
    let [many, many_empty, one, one_empty, empty, a_line, a_hash] = figures.map(summary);
    let row = |name: &str, found: mermin_benches::Summary, driven_empty: f64| {
        Row::new(name)
            .with("ns", found.median)
            .with("min_ns", found.min)
            .with("p99_ns", found.p99)
            .with("empty_ns", driven_empty)
            .note("gross with the program that makes the frames")
    };
    let gross = many.median - many_empty.median + empty.median;
    let miss = summary(misses);
    report.row(
        &Row::new(format!("memory_random_line_{number}"))
            .with("ns", miss.median)
            .with("min_ns", miss.min)
            .with("p99_ns", miss.p99)
            .note("one dependent read in as much memory as the slots of these flows: this machine, these rounds"),
    );
    let named = |kind: &str| format!("{kind}_{number}_random");
    report.row(&row(
        &format!("udp4_1_driven_{number}"),
        one,
        one_empty.median,
    ));
    report.row(&row(&named("floor_line"), a_line, many_empty.median));
    report.row(&row(&named("floor_hash"), a_hash, many_empty.median));
    report.row(&row(&named("udp4"), many, many_empty.median).at_most(
        "gross without making the frames",
        gross,
        100.0,
    ));
    Ok(())
}

/// Measures a flow's first packet, one packet per run, because the distribution matters.
fn new(options: Options, report: &mut Report) -> Result<()> {
    let mut lab = Lab::open(ROOM)?;
    let hash = Least::new(Floor::Hash, ROOM)?;
    let shots = u16::try_from(options.scaled(50_000))?;
    for (name, known_name, empty_name, floor_name) in [
        (
            "new_flow",
            "known_flow_single",
            "empty_single",
            "floor_hash_new",
        ),
        (
            "new_flow_reused_slot",
            "known_flow_single_2",
            "empty_single_2",
            "floor_hash_known_single",
        ),
    ] {
        let mut figures = [const { Vec::new() }; 4];
        for port in 1..=shots {
            let frame = udp4(port);
            let shot = |run: io::Result<mermin_core::lab::Run>| {
                run.map(|run| f64::from(run.kernel_nanoseconds))
            };
            figures[0].push(shot(lab.run(HookDirection::Ingress, &frame, &HERE, 1))?);
            figures[1].push(shot(lab.run(HookDirection::Ingress, &frame, &HERE, 1))?);
            figures[2].push(shot(lab.run_empty(&frame, &HERE, 1))?);
            figures[3].push(shot(hash.run(&frame, &HERE, 1))?);
        }
        let live = lab.read().flows;
        if live != u64::from(shots) {
            return Err(format!("{live} flows are live instead of {shots}").into());
        }
        let [new, known, empty, floor] = figures.map(summary);
        let row = |name: &str, found: mermin_benches::Summary| {
            Row::new(name)
                .with("ns", found.median)
                .with("min_ns", found.min)
                .with("p99_ns", found.p99)
                .with("empty_ns", empty.median)
        };
        report.row(
            &row(name, new)
                .at_most("median", new.median, 400.0)
                .at_most("p99", new.p99, 1500.0),
        );
        report.row(&row(known_name, known));
        report.row(&row(floor_name, floor));
        report.row(&row(empty_name, empty));
        // The second time, all slots come from the stack.
        lab.close_all()?;
        lab.take();
    }
    Ok(())
}

/// Measures one flow on two CPUs at once.
fn shared(options: Options, report: &mut Report, other: usize) -> Result<()> {
    let lab = Lab::open(ROOM)?;
    let repeat = options.scaled(200_000);
    let there = options.scaled(20_000);
    let mut alone = Vec::new();
    let mut same = Vec::new();
    let mut opposite = Vec::new();
    let mut empty_alone = Vec::new();
    let mut empty_beside = Vec::new();
    let here = || lab.run(HookDirection::Ingress, &tcp4(1), &HERE, repeat);
    for round in 0..=options.scaled(50) {
        let bare = lab.run_empty(&tcp4(1), &HERE, repeat)?;
        let one = here()?;
        let beside = |frame: Vec<u8>| {
            let injector = lab.injector();
            cpu::Busy::start(other, move || {
                injector
                    .run(HookDirection::Ingress, &frame, &HERE, there)
                    .map(drop)
            })
        };
        let busy = beside(tcp4(1));
        let two = here()?;
        let bare_beside = lab.run_empty(&tcp4(1), &HERE, repeat)?;
        busy.stop()?;
        let busy = beside(tcp4_back(1));
        let across = here()?;
        busy.stop()?;
        if round != 0 {
            alone.push(one.nanoseconds);
            same.push(two.nanoseconds);
            opposite.push(across.nanoseconds);
            empty_alone.push(bare.nanoseconds);
            empty_beside.push(bare_beside.nanoseconds);
        }
    }
    let [alone, same, opposite] = [alone, same, opposite].map(summary);
    let empty_alone = summary(empty_alone).median;
    let empty_beside = summary(empty_beside).median;
    let row = |name: &str, found: mermin_benches::Summary, empty: f64| {
        Row::new(name)
            .with("ns", found.median)
            .with("min_ns", found.min)
            .with("p99_ns", found.p99)
            .with("empty_ns", empty)
    };
    let times = |found: mermin_benches::Summary| found.median / alone.median;
    report.row(&row("one_cpu", alone, empty_alone));
    report.row(&row("two_cpus_same_direction", same, empty_beside).at_most(
        "times one CPU",
        times(same),
        1.5,
    ));
    report.row(&row("two_cpus_opposite", opposite, empty_beside).at_most(
        "times one CPU",
        times(opposite),
        1.5,
    ));
    Ok(())
}

/// Size after the verifier and the JIT. With room for only one flow, the verifier processes nearly twice as many
/// instructions.
fn size(report: &mut Report) -> Result<()> {
    let lab = Lab::open(ROOM)?;
    for (name, info) in lab.programs()? {
        report.row(
            &Row::new(name)
                .with("verified", f64::from(info.verified))
                .with("verified_limit", f64::from(VERIFIED_LIMIT))
                .with("instructions", f64::from(info.instructions))
                .with("jited_octets", f64::from(info.jited_octets)),
        );
    }
    Ok(())
}
