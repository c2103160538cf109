//! Cost of the feature `tracing`: the same work in a program without it, with it and no subscriber, and with a
//! subscriber. Builds both programs, and runs them in turn; each round is a process of its own.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use mermin_benches::{
    Options, Report, Result, Row, bounds,
    capture::{CaptureFile, Shape},
    summary,
};

const FILE: Shape = Shape {
    name: "events",
    packets: 1_000_000,
    payload: 22,
    flows: 10_000,
};
const WORKS: [&str; 3] = ["offline", "open", "capture"];

/// A program and its arguments.
struct Way {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
}

fn main() -> ExitCode {
    mermin_benches::main("events", |options, report| {
        let (without, with) = (build("off", &[])?, build("on", &["--features", "tracing"])?);
        let ways = [
            ("off", &without, &[][..]),
            ("no_subscriber", &with, &[]),
            ("subscriber", &with, &["subscribed"]),
        ]
        .map(|(name, program, arguments)| Way {
            name,
            program: program.clone(),
            arguments,
        });
        let file = CaptureFile::write(&FILE, options.scaled(FILE.packets))?;
        for work in WORKS {
            measure(options, report, work, &ways, &file.path)?;
        }
        Ok(())
    })
}

/// Builds the program, and keeps a copy, because the next build has the same path.
fn build(name: &str, features: &[&str]) -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--message-format=json"])
        .args([
            "--package",
            "mermin-bench-events",
            "--bin",
            "mermin-bench-events",
        ])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let place = messages.split("\"executable\":\"").nth(1);
    let place = place.and_then(|rest| rest.split('"').next());
    let place = Path::new(place.ok_or("cannot find the program that was built")?);
    let copy = place.with_file_name(format!("mermin-bench-events-{name}"));
    std::fs::copy(place, &copy)?;
    Ok(copy)
}

fn measure(
    options: Options,
    report: &mut Report,
    work: &str,
    ways: &[Way; 3],
    file: &Path,
) -> Result<()> {
    let mut rounds = [const { Vec::new() }; 3];
    for round in 0..=options.scaled(30) {
        for which in 0..ways.len() {
            // Each variant comes first equally often.
            let which = (which + round as usize) % ways.len();
            let figures = run(&ways[which], work, file)?;
            if round > 0 {
                rounds[which].push(figures);
            }
        }
    }
    let figures = |which: usize, key: usize| {
        rounds[which]
            .iter()
            .map(|round| round[key])
            .collect::<Vec<_>>()
    };
    for (which, way) in ways.iter().enumerate() {
        let pairs = figures(which, 1).into_iter().zip(figures(0, 1));
        let ratios: Vec<f64> = pairs.map(|(busy, off)| busy / off).collect();
        let [low, high] = bounds(ratios.clone());
        report.row(
            &Row::new(format!("{work}_{}", way.name))
                .with("median_ms", summary(figures(which, 0)).median)
                .with("cpu_ms", summary(figures(which, 1)).median)
                .with("events", summary(figures(which, 2)).median)
                .with("times_off", summary(ratios).median)
                .with("low", low)
                .with("high", high),
        );
    }
    Ok(())
}

/// Returns milliseconds of wall-clock and CPU time, and the number of events.
fn run(way: &Way, work: &str, file: &Path) -> Result<[f64; 3]> {
    let output = Command::new(&way.program)
        .arg(work)
        .arg(file)
        .args(way.arguments)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let words = String::from_utf8(output.stdout)?;
    let figures = words.split_whitespace().map(str::parse);
    let figures = figures.collect::<std::result::Result<Vec<f64>, _>>()?;
    let figures = <[f64; 3]>::try_from(figures);
    figures.map_err(|_| format!("a child says `{words}`").into())
}
