//! Time from the start of a process to loaded programs. Each round is a process of its own, because a program opens
//! once.

use std::{process::ExitCode, time::Instant};

use mermin_bench_aya::{Loaded, Phases};
use mermin_benches::{
    Options, Report, Result, Row,
    child::{figures, medians},
    cpu, memory, milliseconds,
};
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
    Ok([open, busy, features, btf, load, memory::peak()? / 1e6])
}

pub(crate) fn measure(options: Options, report: &mut Report) -> Result<()> {
    let mut rounds = [const { Vec::new() }; LOADERS.len()];
    for round in 0..=options.scaled(30) {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let figures: [f64; FIGURES.len()] = figures(|it| it.env(VARIABLE, LOADERS[which]))?;
            // The first round brings the program into memory.
            if round > 0 {
                rounds[which].push(figures);
            }
        }
    }
    let medians = rounds.map(|rounds| medians(&rounds));
    let [ours, _] = medians;
    for (loader, figures) in LOADERS.iter().zip(medians) {
        let mut row = Row::new(format!("cold_open_{loader}"));
        for (key, figure) in FIGURES.into_iter().zip(figures) {
            row = row.with(key, figure);
        }
        report.row(&row.with("times_mermin", figures[0] / ours[0]));
    }
    Ok(())
}
