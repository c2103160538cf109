//! Runs benchmarks, and writes what they print into docs/PERFORMANCE.md, with bars.

mod table;

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{pictures, project, shell};

/// A benchmark whose rows are in the document.
#[derive(Debug)]
struct Bench {
    /// Its section, and the beginning of its pictures' names.
    name: &'static str,
    package: &'static str,
    target: &'static str,
}

const fn bench(name: &'static str, package: &'static str, target: &'static str) -> Bench {
    Bench {
        name,
        package,
        target,
    }
}

/// Each prints one JSON object per row with `--json`.
const BENCHES: [Bench; 14] = [
    bench("kernel", "mermin-benches", "kernel"),
    bench("flows", "mermin-benches", "flows"),
    bench("sweep", "mermin-benches", "sweep"),
    bench("throughput", "mermin-benches", "throughput"),
    bench("memory", "mermin-benches", "memory"),
    bench("hotplug", "mermin-benches", "hotplug"),
    bench("stop", "mermin-benches", "stop"),
    bench("sink", "mermin-benches", "sink"),
    bench("offline", "mermin-benches", "offline"),
    bench("top", "mermin-top", "live"),
    bench("agent", "mermin-agent", "page"),
    bench("aya", "mermin-bench-aya", "aya"),
    bench("events", "mermin-bench-events", "events"),
    bench("kubernetes", "mermin-bench-kubernetes", "kubernetes"),
];

/// Runs these benchmarks, all of [`BENCHES`] if there is none, writes their tables into the document, and draws its pictures. `--quick` is
/// passed on.
///
/// # Errors
/// A benchmark that is not one of these or fails, or a document without the section of runs.
pub(crate) fn write(words: &[&str]) -> Result<()> {
    let (flags, named): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("--"));
    ensure!(
        flags.iter().all(|flag| *flag == "--quick"),
        "cannot use `{}`: only `--quick` is known",
        flags.join(" ")
    );
    for bench in chosen(&named)? {
        measure(bench, !flags.is_empty())?;
    }
    pictures::draw()
}

/// Returns the benchmarks of these names, all if there is none.
fn chosen(named: &[&str]) -> Result<Vec<&'static Bench>> {
    if named.is_empty() {
        return Ok(BENCHES.iter().collect());
    }
    let find = |name: &&str| {
        let found = BENCHES.iter().find(|bench| bench.name == *name);
        found.with_context(|| {
            let known = BENCHES.map(|bench| bench.name);
            format!("cannot run `{name}`: choose of {}", known.join(", "))
        })
    };
    named.iter().map(find).collect()
}

fn measure(bench: &Bench, is_quick: bool) -> Result<()> {
    let Bench {
        name,
        package,
        target,
    } = bench;
    let quick = if is_quick { " --quick" } else { "" };
    let typed = format!("cargo bench -p {package} --bench {target} --{quick}");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{typed} --json");
    let printed = shell::read(&mut shell::command(&format!("{typed} --json"))?)?;
    print!("{printed}");
    let typed = typed.trim_end_matches(" --");
    let caption = format!("`{typed}`, {}:\n\n", circumstances(&load)?);
    let path = project::root().join("docs/PERFORMANCE.md");
    let document = fs::read_to_string(&path).context("cannot read docs/PERFORMANCE.md")?;
    let document = replaced(
        &document,
        name,
        &(caption + &table::tables(name, &printed)?),
    )?;
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

/// Heading of the section that has the runs.
const RUNS: &str = "\n## Latest runs\n";

/// Returns the document with another text between the comments of a run. A benchmark's first run gets a section behind the other runs.
fn replaced(document: &str, bench: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- run {bench} -->\n");
    let end = format!("<!-- end of run {bench} -->\n");
    let run = format!("{begin}\n{text}{end}");
    let parts = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    if let Some((before, after)) = parts {
        return Ok(format!("{before}{run}{after}"));
    }
    let runs = document.find(RUNS).with_context(|| {
        format!(
            "cannot find a place for `{bench}` in docs/PERFORMANCE.md: write `{}`",
            RUNS.trim()
        )
    })?;
    let behind = runs + RUNS.len();
    let next = document[behind..].find("\n## ");
    let (before, after) = document.split_at(next.map_or(document.len(), |at| behind + at));
    let before = before.trim_end();
    Ok(format!("{before}\n\n### `{bench}`\n\n{run}{after}"))
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
    fn first_run_has_a_section_behind_the_others() {
        let document = "a\n\n## Latest runs\n\n### `memory`\n\nold\n\n## Missed\n\nb\n";
        let once = replaced(document, "sink", "new\n").unwrap_or_default();
        assert_eq!(
            once,
            "a\n\n## Latest runs\n\n### `memory`\n\nold\n\n### `sink`\n\n<!-- run sink -->\n\nnew\n<!-- end of run sink -->\n\n## Missed\n\nb\n"
        );
        assert_eq!(replaced(&once, "sink", "new\n").ok(), Some(once));
        let last = replaced("a\n\n## Latest runs\n", "sink", "new\n").unwrap_or_default();
        assert!(
            last.ends_with(
                "runs\n\n### `sink`\n\n<!-- run sink -->\n\nnew\n<!-- end of run sink -->\n"
            ),
            "{last}"
        );
    }

    #[test]
    fn document_has_a_place_for_runs() {
        let document = fs::read_to_string(project::root().join("docs/PERFORMANCE.md"));
        let replaced = replaced(&document.unwrap_or_default(), "new", "");
        assert!(replaced.is_ok(), "{replaced:?}");
    }

    #[test]
    fn benchmarks_are_chosen_by_name() {
        let names = |named: &[&str]| {
            let chosen = chosen(named).map_err(|error| error.to_string());
            chosen.map(|it| it.iter().map(|bench| bench.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["top", "sink"]), Ok(vec!["top", "sink"]));
        assert_eq!(names(&[]).map(|it| it.len()), Ok(BENCHES.len()));
        assert!(names(&["tap"]).is_err_and(|error| error.contains("`tap`: choose of kernel, ")));
    }

    #[test]
    fn benchmarks_are_those_that_the_document_lists() {
        let document = fs::read_to_string(project::root().join("docs/PERFORMANCE.md"));
        let document = document.unwrap_or_default();
        let listed: Vec<&str> = document
            .lines()
            .filter_map(|line| line.strip_prefix("cargo bench -p "))
            .filter_map(|line| line.split('#').next())
            .map(str::trim_end)
            .collect();
        assert_eq!(listed.len(), BENCHES.len(), "{listed:#?}");
        for Bench {
            package, target, ..
        } in &BENCHES
        {
            let whole = format!("{package} --bench {target}");
            let is_listed = listed.iter().any(|line| line == package || *line == whole);
            assert!(is_listed, "{whole}: {listed:#?}");
        }
    }
}
