//! Runs benchmarks, and writes what they print into docs/PERFORMANCE.md, with bars.

mod table;

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{pictures, project, shell};

/// Benchmarks of the package `mermin-benches` with a place in the document.
const BENCHES: [&str; 6] = ["kernel", "sweep", "memory", "sink", "offline", "stop"];

/// Runs these benchmarks, all of [`BENCHES`] if there is none, writes their tables into the document, and draws its pictures. `--quick` is
/// passed on.
///
/// # Errors
/// A benchmark that is not one of these or fails, or a document without a place for it.
pub(crate) fn write(words: &[&str]) -> Result<()> {
    let (flags, named): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("--"));
    ensure!(
        flags.iter().all(|flag| *flag == "--quick"),
        "cannot use `{}`: only `--quick` is known",
        flags.join(" ")
    );
    let unknown = named.iter().find(|name| !BENCHES.contains(name));
    ensure!(
        unknown.is_none(),
        "cannot run `{}`: choose of {}",
        unknown.unwrap_or(&""),
        BENCHES.join(", ")
    );
    let chosen = if named.is_empty() { &BENCHES } else { &*named };
    for bench in chosen {
        measure(bench, !flags.is_empty())?;
    }
    pictures::draw()
}

fn measure(bench: &str, is_quick: bool) -> Result<()> {
    let quick = if is_quick { " --quick" } else { "" };
    let typed = format!("cargo bench -p mermin-benches --bench {bench} --{quick}");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{typed} --json");
    let printed = shell::read(&mut shell::command(&format!("{typed} --json"))?)?;
    print!("{printed}");
    let typed = typed.trim_end_matches(" --");
    let told = format!("`{typed}`, {}:\n\n", circumstances(&load)?);
    let path = project::root().join("docs/PERFORMANCE.md");
    let document = fs::read_to_string(&path).context("cannot read docs/PERFORMANCE.md")?;
    let document = replaced(&document, bench, &(told + &table::tables(bench, &printed)?))?;
    fs::write(&path, document).context("cannot write docs/PERFORMANCE.md")
}

/// Describes the day and the machine. `load` is the content of /proc/loadavg before the run.
fn circumstances(load: &str) -> Result<String> {
    let day = shell::read(&mut shell::command("date --utc +%F")?)?;
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let models: Vec<&str> = models
        .map(|model| model.trim_start_matches([' ', '\t', ':']))
        .collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<&str> = kernel.trim().split('.').take(2).collect();
    Ok(format!(
        "{}, {} CPUs ({}), Linux {}, load {} before it",
        day.trim(),
        models.len(),
        models.first().unwrap_or(&"unknown"),
        kernel.join("."),
        load.split(' ').next().unwrap_or("unknown"),
    ))
}

/// Returns the document with another text between the comments of a run.
fn replaced(document: &str, bench: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- run {bench} -->\n");
    let end = format!("<!-- end of run {bench} -->\n");
    let parts = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.with_context(|| {
        format!("cannot find a place for `{bench}` in docs/PERFORMANCE.md: write {begin}{end}")
    })?;
    Ok(format!("{before}{begin}\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_replaces_the_one_before() {
        let document = "a\n<!-- run sink -->\nold\n<!-- end of run sink -->\nb\n";
        let once = replaced(document, "sink", "new\n").unwrap_or_default();
        assert_eq!(
            once,
            "a\n<!-- run sink -->\n\nnew\n<!-- end of run sink -->\nb\n"
        );
        assert_eq!(replaced(&once, "sink", "new\n").ok(), Some(once));
        assert!(replaced("a\n", "sink", "new\n").is_err());
    }

    #[test]
    fn each_benchmark_has_its_place() {
        let document = fs::read_to_string(project::root().join("docs/PERFORMANCE.md"));
        let document = document.unwrap_or_default();
        for bench in BENCHES {
            assert!(replaced(&document, bench, "").is_ok(), "{bench}");
        }
    }
}
