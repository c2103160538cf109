//! Replays what fuzzing found, and tries mutated seeds for a moment: `MERMIN_TRIAL_SECONDS` for each trial (1).

#![expect(
    clippy::unwrap_used,
    reason = "helpers of a test, which is to fail where a file cannot be read"
)]

use std::{
    env, fs,
    panic::{RefUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mermin_trials::{
    ALL, Trial,
    mutate::{Chance, mutate},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Files of a trial's folder, by name.
fn files(kind: &str, trial: &Trial) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(kind).join(trial.name)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let octets = fs::read(&path).unwrap();
            (path, octets)
        })
        .collect()
}

#[test]
fn what_fuzzing_found_stays_mended() {
    for trial in ALL {
        for (path, octets) in files("regressions", &trial) {
            println!("{}: {}", trial.name, path.display());
            (trial.run)(&octets);
        }
    }
}

#[test]
fn every_trial_has_seeds_and_they_pass() {
    for trial in ALL {
        let seeds = files("seeds", &trial);
        assert!(!seeds.is_empty(), "{} has no seeds", trial.name);
        for (path, octets) in seeds {
            println!("{}: {}", trial.name, path.display());
            (trial.run)(&octets);
        }
    }
}

#[test]
fn mutated_seeds_pass() {
    let seconds = env::var("MERMIN_TRIAL_SECONDS").map_or(1.0, |text| text.parse().unwrap());
    for trial in ALL {
        let seeds: Vec<Vec<u8>> = ["seeds", "regressions"]
            .iter()
            .flat_map(|kind| files(kind, &trial))
            .map(|(_, octets)| octets)
            .collect();
        let tried = try_mutations(&trial, &seeds, Duration::from_secs_f64(seconds));
        println!("{}: {tried} inputs in {seconds} s", trial.name);
    }
}

/// For this time, and longer where a busy machine has not tried enough by then.
fn try_mutations(trial: &Trial, seeds: &[Vec<u8>], time: Duration) -> u32 {
    const ENOUGH: u32 = 100;
    let end = Instant::now() + time;
    let mut chance = Chance::new(1);
    let mut pool = seeds.to_vec();
    let mut tried = 0;
    while Instant::now() < end || tried < ENOUGH {
        let mut octets = pool[chance.below(pool.len())].clone();
        mutate(&mut octets, &mut chance);
        attempt(trial, &octets);
        tried += 1;
        // Some stay, so that changes add up.
        if tried % 16 == 0 {
            if pool.len() < 4 * seeds.len() + 64 {
                pool.push(octets);
            } else {
                let at = seeds.len() + chance.below(pool.len() - seeds.len());
                pool[at] = octets;
            }
        }
    }
    tried
}

/// Keeps an input that fails where it can be looked at, and committed once mended.
fn attempt(trial: &Trial, octets: &[u8]) {
    fn run(trial: &(impl Fn() + RefUnwindSafe)) -> bool {
        catch_unwind(trial).is_ok()
    }
    if !run(&|| (trial.run)(octets)) {
        let path = env::temp_dir().join(format!("mermin-{}.finding", trial.name));
        fs::write(&path, octets).unwrap();
        panic!(
            "{} fails: the input is in {}; mend it and keep it in fuzz/regressions/{}",
            trial.name,
            path.display(),
            trial.name
        );
    }
}
