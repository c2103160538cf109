//! Time from the start of a process to loaded programs. Each round is a process of its own, because a program opens
//! once.

use std::{
    fs,
    process::{Command, ExitCode},
    time::Instant,
};

use mermin_bench_aya::{Loaded, Phases};
use mermin_benches::{Options, Report, Result, Row, cpu, milliseconds, summary};
use mermin_core::lab::loader::{LoadedObject, ObjectSettings};

use crate::FLOWS;

/// Environment variable that names the loader of a child.
const VARIABLE: &str = "MERMIN_BENCH_COLD";
const LOADERS: [&str; 2] = ["mermin", "aya"];
const FIGURES: [&str; 6] = [
    "open_ms",
    "cpu_ms",
    "features_ms",
    "btf_ms",
    "load_ms",
    "peak_mb",
];

/// Runs the work of a child, if this process is one.
pub(crate) fn child() -> Option<ExitCode> {
    let loader = std::env::var(VARIABLE).ok()?;
    match load(&loader) {
        Ok(figures) => {
            let words = figures.map(|figure| figure.to_string());
            println!("{}", words.join(" "));
            Some(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("error: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn load(loader: &str) -> Result<[f64; FIGURES.len()]> {
    let settings = ObjectSettings::read(FLOWS)?;
    let (began, busy) = (Instant::now(), cpu::process_time());
    let mut phases = Phases::default();
    let (took, busy) = if loader == LOADERS[0] {
        let _loaded = LoadedObject::load(FLOWS)?;
        (began.elapsed(), cpu::process_time().saturating_sub(busy))
    } else {
        let (_loaded, theirs) = Loaded::load(&settings)?;
        phases = theirs;
        (began.elapsed(), cpu::process_time().saturating_sub(busy))
    };
    let times = [took, busy, phases.features, phases.btf, phases.load].map(milliseconds);
    let [open, busy, features, btf, load] = times;
    Ok([open, busy, features, btf, load, peak()?])
}

/// Returns the peak memory of this process, MB.
fn peak() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.ok_or("cannot find `VmHWM`")?.trim().parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

pub(crate) fn measure(options: Options, report: &mut Report) -> Result<()> {
    let mut rounds = [const { Vec::new() }; LOADERS.len()];
    for round in 0..=options.scaled(30) {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let figures = run(LOADERS[which])?;
            // The first round brings the program into memory.
            if round > 0 {
                rounds[which].push(figures);
            }
        }
    }
    let median = |rounds: &[Vec<f64>], which: usize| {
        summary(rounds.iter().map(|figures| figures[which]).collect()).median
    };
    let ours = median(&rounds[0], 0);
    for (loader, rounds) in LOADERS.iter().zip(&rounds) {
        let mut row = Row::new(format!("cold_open_{loader}"));
        for (which, key) in FIGURES.into_iter().enumerate() {
            row = row.with(key, median(rounds, which));
        }
        report.row(&row.with("times_mermin", median(rounds, 0) / ours));
    }
    Ok(())
}

fn run(loader: &str) -> Result<Vec<f64>> {
    let output = Command::new(std::env::current_exe()?)
        .env(VARIABLE, loader)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let words = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = words
        .split_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    if figures.len() == FIGURES.len() {
        Ok(figures)
    } else {
        Err(format!("a child says `{words}`").into())
    }
}
