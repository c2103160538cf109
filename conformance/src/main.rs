//! Compares captures with independent programs. `cargo xtask conformance` fetches them and calls this program.

mod captures;
mod community;
mod compare;
mod conversation;
mod fields;
mod kernel;
mod link;
mod names;
mod ours;
mod rules;
mod tcp;
mod tshark;

use std::{env, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

use self::{community::Ids, kernel::Kernel};

const USAGE: &str = "\
usage: referee tshark FOLDER KEPT     conversations of every capture in a folder, beside tshark's, which are
                                     kept in another folder
       referee kernel FOLDER          each packet through the kernel program and through this process
       referee names FOLDER           names in payloads beside those that tshark shows
       referee tcp FOLDER             the analysis of each TCP segment beside tshark's
       referee community FOLDER PYTHON
                                      community ids beside those of PyPI's `communityid`, which PYTHON has
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tshark", folder, kept] => beside_tshark(Path::new(folder), Path::new(kept)),
        ["kernel", folder] => beside_the_kernel(Path::new(folder)),
        ["names", folder] => names_beside_tshark(Path::new(folder)),
        ["tcp", folder] => tcp_beside_tshark(Path::new(folder)),
        ["community", folder, python] => community_ids(Path::new(folder), python),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Compares every capture; prints each result and the sum.
fn beside_tshark(folder: &Path, kept: &Path) -> Result<()> {
    let mut sum = compare::Sum::default();
    for path in captures::files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let mut file = kept.join(name).into_os_string();
        file.push(".layers");
        let verdict = compare::capture(&path, Path::new(&file))?;
        println!("{}: {verdict}", name.display());
        sum.add(&verdict);
    }
    println!("== {sum}");
    ensure!(sum.differ() == 0, "{} captures differ", sum.differ());
    Ok(())
}

/// Runs every capture; prints each that has packets, and the sum.
fn beside_the_kernel(folder: &Path) -> Result<()> {
    // Each CPU has counters of its own in a flow, with a first packet each. With one CPU, there is one first packet.
    let mut cpu = CpuSet::new();
    cpu.set(sched_getcpu());
    sched_setaffinity(None, &cpu).context("cannot stay on one CPU")?;
    let mut kernel = Kernel::open()?;
    let mut sum = kernel::Outcome::default();
    let mut differ = 0;
    for path in captures::files(folder)? {
        let outcome = kernel.capture(&path)?;
        if outcome.same != 0 || outcome.difference.is_some() {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            println!("{}: {outcome}", name.display());
        }
        differ += u64::from(outcome.difference.is_some());
        sum.add(&outcome);
    }
    println!("== {} captures: {sum}", sum.captures);
    ensure!(differ == 0, "{differ} captures differ");
    Ok(())
}

/// Compares names in every capture.
fn names_beside_tshark(folder: &Path) -> Result<()> {
    let mut outcome = names::Outcome::default();
    for path in captures::files(folder)? {
        outcome.add(&path)?;
    }
    println!("== {outcome}");
    let [unexplained, all] = outcome.unexplained();
    ensure!(
        unexplained * 200 <= all,
        "more than 0.5 % of the names differ without a rule"
    );
    Ok(())
}

/// Compares the analysis of each segment in every capture.
fn tcp_beside_tshark(folder: &Path) -> Result<()> {
    let mut outcome = tcp::Outcome::default();
    for path in captures::files(folder)? {
        outcome.add(&path)?;
    }
    println!("== {outcome}");
    let differ = outcome.unexplained();
    ensure!(differ == 0, "{differ} differences have no rule");
    Ok(())
}

fn community_ids(folder: &Path, python: &str) -> Result<()> {
    let mut ids = Ids::default();
    let files = captures::files(folder)?;
    for path in &files {
        ids.add(path);
    }
    let [same, refused] = ids.compare(python)?;
    println!(
        "== {} captures: the same id for {same} different conversations; {refused} refused there",
        files.len()
    );
    Ok(())
}
