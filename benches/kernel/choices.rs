//! Cost of options that add work to each packet of a known flow.

use mermin_benches::{
    Options, Report, Result, Row,
    frames::{tcp4, tcp6, udp4},
    summary,
};
use mermin_core::{
    FlowKey, FlowSource, FlowSourceBuilder, Sampling,
    lab::{HookDirection, Lab},
};

use super::HERE;

type Set = fn(FlowSourceBuilder) -> FlowSourceBuilder;

/// The default comes first; the others show their additional cost.
const CHOICES: [(&str, Set); 5] = [
    ("default", |builder| builder),
    ("exact_end", |builder| builder.exact_end(true)),
    ("names", |builder| builder.names(true)),
    ("sampling", |builder| {
        builder.sampling(Sampling::under_pressure())
    }),
    ("endpoints", |builder| builder.flow_key(FlowKey::Endpoints)),
];
const FRAMES: usize = 3;
/// Number of runs, of which the median counts.
const RUNS: usize = 5;

/// Adds a row for each choice and frame. Every round loads all of them again: the position of the maps in memory
/// changes the speed more than an option does.
pub(super) fn choices(options: Options, report: &mut Report) -> Result<()> {
    let frames: [(&str, Vec<u8>); FRAMES] =
        [("tcp4", tcp4(1)), ("udp4", udp4(1)), ("tcp6", tcp6(1))];
    let repeat = options.scaled(100_000);
    let mut found = [const { [const { Vec::new() }; CHOICES.len()] }; FRAMES];
    for round in 0..options.scaled(40) as usize {
        let mut labs = Vec::new();
        for place in 0..CHOICES.len() {
            // The program loaded first gets the best memory.
            let choice = (place + round) % CHOICES.len();
            let builder = CHOICES[choice].1(FlowSource::builder().max_flows(4096));
            labs.push((choice, Lab::with(builder)?));
        }
        for ((_, frame), found) in frames.iter().zip(&mut found) {
            let mut costs = [const { Vec::new() }; CHOICES.len()];
            // The first run warms up.
            for run in 0..=RUNS {
                for (choice, lab) in &labs {
                    let cost = lab.run(HookDirection::Ingress, frame, &HERE, repeat)?;
                    if run != 0 {
                        costs[*choice].push(cost.nanoseconds);
                    }
                }
            }
            for (found, costs) in found.iter_mut().zip(costs) {
                found.push(summary(costs).median);
            }
        }
    }
    for ((frame, _), found) in frames.iter().zip(found) {
        let [default, others @ ..] = &found;
        for ((name, _), costs) in CHOICES[1..].iter().zip(others) {
            report.row(
                &Row::new(format!("{name}_{frame}"))
                    .with("ns", summary(costs.clone()).median)
                    .with("default_ns", summary(default.clone()).median)
                    .more(costs, default),
            );
        }
    }
    Ok(())
}
