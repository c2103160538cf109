//! The first list of 10,000 pods beside the store of the crate `kube`, memory of objects, and time of look-ups. Each list is
//! read by a process of its own, from a server on loopback without TLS.

mod child;
mod lookup;
mod server;

use std::process::{Command, ExitCode};

use mermin_benches::{Report, Result, Row, summary};

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
    let mut figures = [const { Vec::new() }; 2];
    for round in 0..rounds {
        for which in 0..ways.len() {
            // Each comes first equally often.
            let which = (which + round as usize) % ways.len();
            figures[which].push(child(ways[which], &[&url, &PODS.to_string()])?);
        }
    }
    for (name, figures) in ways.iter().zip(&figures) {
        let of = |key: usize| {
            summary(figures.iter().map(|round: &Vec<f64>| round[key]).collect()).median
        };
        report.row(
            &Row::new(format!("list_by_{name}"))
                .with("cpu_s", of(0))
                .with("octets_per_pod", of(1)),
        );
    }
    Ok(())
}

/// Memory of the objects alone, each read from its JSON and entered.
fn memory(rounds: u32, report: &mut Report) -> Result<()> {
    let mut figures = Vec::new();
    for _ in 0..rounds.min(3) {
        figures.push(child("index", &[&PODS.to_string()])?);
    }
    let of =
        |key: usize| summary(figures.iter().map(|round: &Vec<f64>| round[key]).collect()).median;
    report.row(
        &Row::new("pods")
            .with("octets_per_pod", of(0))
            .at_most("octets", of(0), 1_500.0),
    );
    report.row(
        &Row::new("pods_and_all_else")
            .with("octets_per_pod", of(1))
            .note("100 nodes, 50 namespaces, 1,000 each of services, slices and replica sets"),
    );
    Ok(())
}

/// Runs this program as a child, which prints figures.
fn child(role: &str, arguments: &[&str]) -> Result<Vec<f64>> {
    let output = Command::new(std::env::current_exe()?)
        .arg(role)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let words = String::from_utf8(output.stdout)?;
    let figures = words.split_whitespace().map(str::parse);
    Ok(figures.collect::<std::result::Result<Vec<f64>, _>>()?)
}
