//! Time that the caller of `drop` spends, for a source and for an `open` in progress, and time until nothing is
//! attached any more, with few interfaces and with many.

use std::{
    future::Future,
    process::ExitCode,
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_benches::{Options, Report, Result, Row, milliseconds, summary, testbed::run};
use mermin_core::{Attach, FlowSource, FlowSourceBuilder, lab::enter_new_namespace};

const CROWDS: [u32; 2] = [4, 200];
/// Longest time that an executor may be blocked, ms.
const GOAL: f64 = 1.0;
/// Time between polling `open` and dropping it: the program is loaded, and some interfaces are attached.
const BEGUN: Duration = Duration::from_millis(900);

fn main() -> ExitCode {
    mermin_benches::main("stop", |options, report| {
        enter_new_namespace()?;
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        let mut there = 0;
        for interfaces in CROWDS {
            for number in there..interfaces {
                run(&format!(
                    "ip link add d{number} up type veth peer name e{number}"
                ))?;
            }
            there = interfaces;
            for (name, mode) in [("tcx", Attach::Tcx), ("tc", Attach::Tc)] {
                let all = FlowSource::builder()
                    .interfaces(["d*"])
                    .attach(mode)
                    .max_flows(1024);
                stop(options, report, &all, &format!("{name}_{interfaces}"))?;
            }
        }
        Ok(())
    })
}

fn stop(
    options: Options,
    report: &mut Report,
    builder: &FlowSourceBuilder,
    label: &str,
) -> Result<()> {
    let [mut dropped, mut shut, mut cancelled, mut bare] = [const { Vec::new() }; 4];
    for _ in 0..options.scaled(10) {
        let source = block_on(builder.clone().open())?;
        dropped.push(taken(|| drop(source)));
        bare.push(taken(until_bare));
        let source = block_on(builder.clone().open())?;
        let began = Instant::now();
        block_on(source.shutdown())?;
        shut.push(milliseconds(began.elapsed()));
        let mut opening = Box::pin(builder.clone().open());
        let mut context = Context::from_waker(Waker::noop());
        let polled = opening.as_mut().poll(&mut context);
        thread::sleep(BEGUN);
        cancelled.push(taken(|| drop((opening, polled))));
        until_bare();
    }
    let row = |what: &str, rounds: Vec<f64>| {
        let rounds = summary(rounds);
        let row = Row::new(format!("{what}_{label}"))
            .with("median_us", rounds.median * 1e3)
            .with("p99_us", rounds.p99 * 1e3);
        (row, rounds.median)
    };
    for (what, rounds) in [("drop", dropped), ("cancel_open", cancelled)] {
        let (row, median) = row(what, rounds);
        report.row(&row.at_most("ms", median, GOAL));
    }
    report.row(&row("bare_after_drop", bare).0.note("looked at every 10 ms"));
    report.row(&row("shutdown", shut).0);
    Ok(())
}

fn taken(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    milliseconds(began.elapsed())
}

/// Waits until the threads of all sources have ended, and everything is detached.
fn until_bare() {
    let lives = || {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
        tasks.flatten().any(|task| {
            std::fs::read_to_string(task.path().join("comm"))
                .is_ok_and(|name| name.starts_with("mermin-"))
        })
    };
    while lives() {
        thread::sleep(Duration::from_millis(10));
    }
}
