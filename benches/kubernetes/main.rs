//! The first list of 10,000 pods beside the store of the crate `kube`, memory of objects, and time of look-ups. Each list is
//! read by a process of its own, from a server on loopback without TLS.

mod child;
mod lookup;
mod server;

use std::process::ExitCode;

use mermin_benches::{
    Report, Result, Row,
    child::{figures, medians},
};

const PODS: u32 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, rest @ ..] = &arguments[..]
        && let Some(result) = child::run(role, rest)
    {
        return match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    mermin_benches::anywhere("kubernetes", |options, report| {
        let rounds = options.scaled(10);
        lists(rounds, report)?;
        memory(rounds, report)?;
        lookup::measure(options, report)
    })
}

/// CPU time and memory of a first list, in turn by this library and by `kube`.
fn lists(rounds: u32, report: &mut Report) -> Result<()> {
    let server = server::start(PODS)?;
    let url = format!("http://{server}");
    let ways = ["follower", "reflector"];
    let mut lists = [const { Vec::new() }; 2];
    for round in 0..rounds {
        for which in 0..ways.len() {
            // Each comes first equally often.
            let which = (which + round as usize) % ways.len();
            lists[which].push(figures(|it| {
                it.args([ways[which], &url, &PODS.to_string()])
            })?);
        }
    }
    for (name, lists) in ways.iter().zip(&lists) {
        let [cpu, octets] = medians(lists);
        report.row(
            &Row::new(format!("list_by_{name}"))
                .with("cpu_s", cpu)
                .with("octets_per_pod", octets),
        );
    }
    Ok(())
}

/// Memory of the objects alone, each read from its JSON and entered.
fn memory(rounds: u32, report: &mut Report) -> Result<()> {
    let mut sizes = Vec::new();
    for _ in 0..rounds.min(3) {
        sizes.push(figures(|it| it.args(["index", &PODS.to_string()]))?);
    }
    let [pods, all] = medians(&sizes);
    report.row(
        &Row::new("pods")
            .with("octets_per_pod", pods)
            .at_most("octets", pods, 1_500.0),
    );
    report.row(
        &Row::new("pods_and_all_else")
            .with("octets_per_pod", all)
            .note("100 nodes, 50 namespaces, 1,000 each of services, slices and replica sets"),
    );
    Ok(())
}
