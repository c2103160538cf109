//! The product's loader, way to hooks and calls of bpf(2) beside those of aya 0.14, for the same object with the same settings.
//!
//! Both are measured in the same rounds, one after the other; every second round begins with aya.

mod calls;
mod cold;
mod hooks;

use std::process::ExitCode;

use mermin_benches::{Report, Row, summary};

/// Flows that there is room for.
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

/// Rows of the product and of aya, and how many times the product's figure aya's is.
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

/// Two works in turn, so many rounds, the first of each not counted; the other one begins every second round.
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
