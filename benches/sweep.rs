//! Cost in user space of reading, sweeping, closing and opening.

use std::{
    hint::black_box,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_benches::{Options, Report, Result, Row, cpu, frames::udp4, milliseconds, summary};
use mermin_core::{
    FlowSource,
    filter::{Filter, Rule},
    lab::{Context, Lab, Order, enter_new_namespace},
};

const SLOTS_64K: u32 = 1 << 16;
/// The kernel frees dropped memory after the call, on a CPU that the next opening would use.
const REST: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    mermin_benches::main("sweep", |options, report| {
        let cpus = cpu::allowed()?;
        cpu::pin(*cpus.last().unwrap_or(&0))?;
        enter_new_namespace()?;
        let flows: &[u32] = if options.quick {
            &[100_000]
        } else {
            &[100_000, 1_000_000]
        };
        for &flows in flows {
            sweep(options, report, flows)?;
        }
        filter(options, report, 100_000)?;
        close(options, report, 100_000)?;
        cpu::allow(&cpus)?;
        for slots in [1, SLOTS_64K, 1 << 20] {
            open(options, report, slots)?;
        }
        Ok(())
    })
}

/// Creates a lab with this many live flows.
fn filled(flows: u32) -> Result<Lab> {
    let mut lab = Lab::open(flows.next_power_of_two())?;
    fill(&mut lab, flows)?;
    Ok(lab)
}

fn fill(lab: &mut Lab, flows: u32) -> Result<()> {
    let driver = lab.driver(Order::Sequence, flows)?;
    driver.run(&udp4(0), &Context::default(), flows)?;
    lab.listen();
    match lab.read().flows {
        live if live == u64::from(flows) => Ok(()),
        live => Err(format!("{live} flows are live instead of {flows}").into()),
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = black_box(work());
    (began.elapsed(), result)
}

fn row(name: String, flows: u32, rounds: Vec<Duration>) -> (Row, f64) {
    let found = summary(rounds.into_iter().map(milliseconds).collect());
    let row = Row::new(name)
        .with("ms", found.median)
        .with("min_ms", found.min)
        .with("p99_ms", found.p99)
        .with("ns_per_flow", found.median * 1e6 / f64::from(flows));
    (row, found.median)
}

/// Returns the CPU time of work without waiting system calls.
fn busy<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = cpu::time();
    let result = black_box(work());
    (cpu::time().saturating_sub(began), result)
}

/// Reads and sweeps a table of live flows. It makes no system call per flow.
fn sweep(options: Options, report: &mut Report, flows: u32) -> Result<()> {
    let mut lab = filled(flows)?;
    let mut rounds = [const { Vec::new() }; 5];
    for round in 0..=options.scaled(30) {
        let (lines, _) = busy(|| lab.touch());
        let (read, reading) = busy(|| lab.read());
        let (open, snapshot) = busy(|| lab.open_flows());
        if reading.flows != u64::from(flows) || snapshot? != reading {
            return Err("flows were closed while they were measured".into());
        }
        lab.make_due();
        let (all, swept) = busy(|| lab.sweep());
        swept?;
        let (none, swept) = busy(|| lab.sweep());
        swept?;
        if round != 0 {
            for (rounds, took) in rounds.iter_mut().zip([lines, read, open, all, none]) {
                rounds.push(took);
            }
        }
    }
    let [lines, read, open, all, none] = rounds;
    let label = if flows >= 1_000_000 {
        format!("{}m", flows / 1_000_000)
    } else {
        format!("{}k", flows / 1000)
    };
    report.row(&row(format!("memory_lines_{label}"), flows, lines).0);
    report.row(&row(format!("read_{label}"), flows, read).0);
    let pages = "pages of `Handle::open_flows`, as records";
    report.row(
        &row(format!("open_flows_{label}"), flows, open)
            .0
            .note(pages),
    );
    let (mut swept, median) = row(format!("sweep_all_due_{label}"), flows, all);
    if flows >= 1_000_000 {
        swept = swept.at_most("ms", median, 20.0);
    }
    report.row(&swept);
    report.row(&row(format!("sweep_none_due_{label}"), flows, none).0);
    Ok(())
}

/// Measures a filter in the sweep: the first look at flows, which decides them, and later ones.
fn filter(options: Options, report: &mut Report, flows: u32) -> Result<()> {
    let networks = |count: u32| -> Result<Filter> {
        let mut filter = Filter::default();
        // Flows have addresses 10.x.x.x, so none is admitted and each item is compared.
        let items = (0..count).map(|number| format!("172.{}.{}.0/24", number >> 8, number & 255));
        filter.source.address = Rule::matching(items)?;
        Ok(filter)
    };
    let mut wanted = Filter::default();
    wanted.destination.port = Rule::not_matching([1_u16])?;
    let mut records = Filter::default();
    records.flow.ip_ttl = Rule::not_matching([1_u8])?;
    let mut labs = Vec::new();
    for (name, filter) in [
        ("none", Filter::default()),
        ("wanted", wanted),
        ("records", records),
        ("unwanted", networks(1)?),
        ("unwanted_by_1000", networks(1000)?),
    ] {
        labs.push((
            name,
            Lab::with(
                FlowSource::builder()
                    .max_flows(flows.next_power_of_two())
                    .filter(filter),
            )?,
            [const { Vec::new() }; 3],
        ));
    }
    for round in 0..=options.scaled(10) {
        for (_, lab, rounds) in &mut labs {
            fill(lab, flows)?;
            let (first, swept) = busy(|| lab.sweep());
            swept?;
            lab.make_due();
            let (later, swept) = busy(|| lab.sweep());
            swept?;
            let records = lab.close_all()?.records;
            lab.take();
            if round != 0 {
                for (rounds, took) in rounds.iter_mut().zip([first, later, records]) {
                    rounds.push(took);
                }
            }
        }
    }
    for (name, _, [first, later, records]) in labs {
        report.row(&row(format!("filter_{name}_first_look"), flows, first).0);
        report.row(&row(format!("filter_{name}_look"), flows, later).0);
        report.row(&row(format!("filter_{name}_records"), flows, records).0);
    }
    Ok(())
}

/// Closes all flows: phase by phase at once, and as the engine does for a consumer that takes all at once.
fn close(options: Options, report: &mut Report, flows: u32) -> Result<()> {
    let mut lab = Lab::open(flows.next_power_of_two())?;
    let mut phases = [const { Vec::new() }; 6];
    let mut paced = [const { Vec::new() }; 2];
    for round in 0..=options.scaled(10) {
        fill(&mut lab, flows)?;
        let (whole, closed) = timed(|| lab.close_all());
        let closed = closed?;
        if closed.flows != u64::from(flows) || lab.take().len() != flows as usize {
            return Err("not every flow was closed".into());
        }
        fill(&mut lab, flows)?;
        let before = cpu::process_time();
        let (engine, records) = timed(|| lab.expire());
        let worked = cpu::process_time().saturating_sub(before);
        if records? != u64::from(flows) {
            return Err("not every flow has a record".into());
        }
        if round != 0 {
            paced[0].push(engine);
            paced[1].push(worked);
            let all = [
                closed.mark,
                closed.delete,
                closed.grace,
                closed.records,
                closed.give_back,
                whole,
            ];
            for (rounds, took) in phases.iter_mut().zip(all) {
                rounds.push(took);
            }
        }
    }
    let names = ["mark", "delete", "grace", "records", "give_back", "all"];
    for (name, rounds) in names.iter().zip(phases) {
        report.row(&row(format!("close_100k_{name}"), flows, rounds).0);
    }
    let note = "flows for several queues share a grace period";
    let [engine, worked] = paced;
    report.row(&row("close_100k_engine".into(), flows, engine).0.note(note));
    let note = "CPU time of all threads";
    report.row(
        &row("close_100k_engine_cpu".into(), flows, worked)
            .0
            .note(note),
    );
    Ok(())
}

/// Opens a source on a loopback interface, on all CPUs. With one slot, it measures the program itself: reading,
/// verifying, compiling.
fn open(options: Options, report: &mut Report, slots: u32) -> Result<()> {
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..options.scaled(10) {
        let builder = FlowSource::builder().interfaces(["lo"]).max_flows(slots);
        let before = cpu::process_time();
        let (opened, source) = timed(|| block_on(builder.open()));
        let worked = cpu::process_time().saturating_sub(before);
        let source = source?;
        let (shut, done) = timed(|| block_on(source.shutdown()));
        done?;
        for (rounds, took) in rounds.iter_mut().zip([opened, worked, shut]) {
            rounds.push(took);
        }
        thread::sleep(REST);
    }
    let [opened, worked, shut] = rounds;
    let label = match slots {
        1 => "1",
        SLOTS_64K => "64k",
        _ => "1m",
    };
    let (mut row_opened, median) = row(format!("open_{label}_slots"), slots, opened);
    if slots == 1 << 20 {
        row_opened = row_opened.at_most("ms", median, 300.0);
    }
    report.row(&row_opened);
    let note = "CPU time of all threads";
    report.row(
        &row(format!("open_{label}_slots_cpu"), slots, worked)
            .0
            .note(note),
    );
    report.row(&row(format!("shutdown_{label}_slots"), slots, shut).0);
    Ok(())
}
