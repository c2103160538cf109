//! Replays the regressions, and runs mutated seeds for a moment: `MERMIN_FUZZ_SECONDS` for each case (1).

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

use mermin_fuzz_cases::{
    ALL, Case,
    mutate::{Chance, mutate},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Files of a case's folder, by name.
fn files(kind: &str, case: &Case) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(kind).join(case.name)) else {
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
fn regressions_pass() {
    for case in ALL {
        for (path, octets) in files("regressions", &case) {
            println!("{}: {}", case.name, path.display());
            (case.run)(&octets);
        }
    }
}

#[test]
fn seeds_of_every_case_pass() {
    for case in ALL {
        let seeds = files("seeds", &case);
        assert!(!seeds.is_empty(), "{} has no seeds", case.name);
        for (path, octets) in seeds {
            println!("{}: {}", case.name, path.display());
            (case.run)(&octets);
        }
    }
}

#[test]
fn mutated_seeds_pass() {
    let seconds = env::var("MERMIN_FUZZ_SECONDS").map_or(1.0, |text| text.parse().unwrap());
    for case in ALL {
        let seeds: Vec<Vec<u8>> = ["seeds", "regressions"]
            .iter()
            .flat_map(|kind| files(kind, &case))
            .map(|(_, octets)| octets)
            .collect();
        let tried = try_mutations(&case, &seeds, Duration::from_secs_f64(seconds));
        println!("{}: {tried} inputs in {seconds} s", case.name);
    }
}

/// For this time, and longer where a busy machine has not tried enough by then.
fn try_mutations(case: &Case, seeds: &[Vec<u8>], time: Duration) -> u32 {
    const ENOUGH: u32 = 100;
    let end = Instant::now() + time;
    let mut chance = Chance::new(1);
    let mut pool = seeds.to_vec();
    let mut tried = 0;
    while Instant::now() < end || tried < ENOUGH {
        let mut octets = pool[chance.below(pool.len())].clone();
        mutate(&mut octets, &mut chance);
        attempt(case, &octets);
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
fn attempt(case: &Case, octets: &[u8]) {
    fn run(case: &(impl Fn() + RefUnwindSafe)) -> bool {
        catch_unwind(case).is_ok()
    }
    if !run(&|| (case.run)(octets)) {
        let path = env::temp_dir().join(format!("mermin-{}.finding", case.name));
        fs::write(&path, octets).unwrap();
        panic!(
            "{} fails: the input is in {}; mend it and keep it in fuzz/regressions/{}",
            case.name,
            path.display(),
            case.name
        );
    }
}
