//! Cost of flows that begin in bursts, and of floods on two CPUs.

use std::process::ExitCode;

use mermin_benches::{
    Options, Report, Result, Row, cpu,
    frames::{tcp4_syn, udp4},
    summary,
};
use mermin_core::lab::{Context, Lab, Order};

const HERE: Context = Context {
    ifindex: 1,
    ingress_ifindex: 0,
    gso_segs: 0,
    gso_size: 0,
};
/// Flows of a burst.
const BURST: u32 = 4096;
/// Room for a flood.
const ROOM: u32 = 1 << 16;

fn main() -> ExitCode {
    mermin_benches::main("flows", |options, report| {
        let cpus = cpu::allowed()?;
        let here = *cpus.last().unwrap_or(&0);
        cpu::pin(here)?;
        bursts(options, report)?;
        let Some(&other) = cpus.iter().find(|cpu| **cpu != here) else {
            report.row(&Row::new("flood").note("skipped: there is one CPU"));
            return Ok(());
        };
        flood(options, report, [here, other], 1)?;
        flood(options, report, [here, other], 4)
    })
}

/// Measures bursts of new flows: into slots that were never used, and into those that were given back.
fn bursts(options: Options, report: &mut Report) -> Result<()> {
    let frame = udp4(0);
    let mut figures = [const { Vec::new() }; 3];
    for round in 0..=options.scaled(40) {
        let mut lab = Lab::open(ROOM)?;
        let driver = lab.driver(Order::Sequence, BURST)?;
        let empty = lab.empty_driver(Order::Sequence, BURST)?;
        let bare = empty.run(&frame, &HERE, BURST)?.nanoseconds;
        let fresh = driver.run(&frame, &HERE, BURST)?.nanoseconds;
        let mut again = Vec::new();
        for _ in 0..5 {
            let closed = lab.close_all()?.flows;
            lab.take();
            if closed != u64::from(BURST) {
                return Err(format!("{closed} flows were closed instead of {BURST}").into());
            }
            again.push(driver.run(&frame, &HERE, BURST)?.nanoseconds);
        }
        if round != 0 {
            let all = [bare, fresh, summary(again).median];
            for (figures, figure) in figures.iter_mut().zip(all) {
                figures.push(figure);
            }
        }
    }
    let [bare, fresh, again] = figures.map(summary);
    for (name, found) in [("burst", fresh), ("burst_reused_slots", again)] {
        report.row(
            &Row::new(name)
                .with("ns", found.median)
                .with("min_ns", found.min)
                .with("p99_ns", found.p99)
                .with("empty_ns", bare.median)
                .with("net_ns", found.median - bare.median),
        );
    }
    Ok(())
}

/// Measures SYNs of new connections on two CPUs at once: `times` as many as there is room for.
fn flood(options: Options, report: &mut Report, cpus: [usize; 2], times: u32) -> Result<()> {
    let packets = ROOM / 2 * times;
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..=options.scaled(40) {
        let lab = Lab::open(ROOM)?;
        let mut costs = [0.0; 2];
        for is_empty in [true, false] {
            let drivers = [443, 8443].map(|port| {
                let driver = if is_empty {
                    lab.empty_driver(Order::Sequence, packets)
                } else {
                    lab.driver(Order::Sequence, packets)
                };
                (driver, tcp4_syn(port))
            });
            let each = std::thread::scope(|scope| -> Result<f64> {
                let threads: Vec<_> = drivers
                    .into_iter()
                    .zip(cpus)
                    .map(|((driver, frame), on)| {
                        scope.spawn(move || {
                            cpu::pin(on)?;
                            driver?.run(&frame, &HERE, packets)
                        })
                    })
                    .collect();
                let mut sum = 0.0;
                for thread in threads {
                    sum += thread.join().map_err(|_| "a thread panicked")??.nanoseconds;
                }
                Ok(sum / 2.0)
            })?;
            costs[usize::from(!is_empty)] = each;
        }
        let live = lab.read().flows;
        if live != u64::from(ROOM) {
            return Err(format!("{live} flows are live instead of {ROOM}").into());
        }
        if round != 0 {
            for (figures, cost) in figures.iter_mut().zip(costs) {
                figures.push(cost);
            }
        }
    }
    let [bare, found] = figures.map(summary);
    let name = if times == 1 {
        "flood_with_room"
    } else {
        "flood_beyond_room"
    };
    report.row(
        &Row::new(name)
            .with("ns", found.median)
            .with("min_ns", found.min)
            .with("p99_ns", found.p99)
            .with("empty_ns", bare.median)
            .with("net_ns", found.median - bare.median)
            .note("CPU time of a packet, two CPUs at once"),
    );
    Ok(())
}
