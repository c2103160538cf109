//! Compares this project's loader, attaching and calls of bpf(2) with those of aya 0.14, for the same object with the
//! same settings.
//!
//! Both are measured in the same rounds, one after the other; aya comes first in every second round.

mod calls;
mod cold;
mod hooks;

use std::process::ExitCode;

use mermin_benches::{Report, Row, summary};

/// Size of the flow table.
const FLOWS: u32 = 65_536;

fn main() -> ExitCode {
    if let Some(code) = cold::child() {
        return code;
    }
    mermin_benches::main("aya", |options, report| {
        cold::measure(options, report)?;
        mermin_core::lab::enter_new_namespace()?;
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        hooks::measure(options, report)?;
        calls::measure(options, report)
    })
}

/// Adds rows of both, and the ratio of aya's figure to this project's.
fn beside(report: &mut Report, name: &str, key: &'static str, [ours, theirs]: [Vec<f64>; 2]) {
    let [ours, theirs] = [ours, theirs].map(summary);
    for (who, figures) in [("mermin", ours), ("aya", theirs)] {
        report.row(
            &Row::new(format!("{name}_{who}"))
                .with(key, figures.median)
                .with("min", figures.min)
                .with("p99", figures.p99)
                .with("times_mermin", figures.median / ours.median),
        );
    }
}

/// Runs two functions in turn for this many rounds. The first round does not count, and the order alternates.
fn in_turn(
    rounds: u32,
    works: &mut [&mut dyn FnMut() -> mermin_benches::Result<f64>; 2],
) -> mermin_benches::Result<[Vec<f64>; 2]> {
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let figure = (works[which])()?;
            if round > 0 {
                figures[which].push(figure);
            }
        }
    }
    Ok(figures)
}
