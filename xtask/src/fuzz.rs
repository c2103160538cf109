//! Fuzzing with libFuzzer, which measures code coverage: `cargo xtask fuzz SECONDS`.
//!
//! The smoke of CI is a plain test instead (`mutated_seeds_pass` of `fuzz/cases`): the same cases, and no five minutes of
//! installing and of instrumented building before its five seconds for each.

use std::{fs, time::Instant};

use anyhow::{Context, Result};

use crate::{project, shell, tools};

/// Longest input in octets: many packets, and short runs.
const LONGEST: u32 = 2048;

/// Fuzzes every target for this many seconds, one after the other. Stops at the first finding.
pub(crate) fn run(seconds: &str) -> Result<()> {
    let seconds: u32 = seconds
        .parse()
        .with_context(|| format!("cannot use `{seconds}`: give seconds for each target"))?;
    tools::FUZZ.ready()?;
    for target in targets()? {
        let begun = Instant::now();
        let kept = project::target_dir().join("fuzz/corpus").join(&target);
        fs::create_dir_all(&kept).with_context(|| format!("cannot make `{}`", kept.display()))?;
        let fuzz = project::root().join("fuzz");
        let mut command = shell::command("cargo fuzz run")?;
        command
            .current_dir(&fuzz)
            // The instrumentation is unstable, and the pinned compiler has it.
            .env("RUSTC_BOOTSTRAP", "1")
            .arg("--target-dir")
            .arg(project::target_dir().join("fuzz"))
            .arg(&target)
            .arg(kept)
            .arg(fuzz.join("seeds").join(&target))
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST}"))
            .args(["-print_final_stats=1", "-timeout=10"]);
        shell::run(&mut command).with_context(|| {
            format!("`{target}` failed: mend it and keep its input in fuzz/regressions/{target}")
        })?;
        println!("== {target}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Returns the names of the targets.
fn targets() -> Result<Vec<String>> {
    let folder = project::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))?
    {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_a_place_in_the_manifest() {
        let fuzz = project::root().join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let targets = targets().unwrap();
        assert!(targets.len() >= 4, "{targets:?}");
        for target in targets {
            assert!(
                manifest.contains(&format!("name = \"{target}\"")),
                "{target}"
            );
            assert!(fuzz.join("seeds").join(&target).is_dir(), "{target}");
        }
    }
}
