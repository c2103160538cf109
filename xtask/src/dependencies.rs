//! Checks the dependencies of the libraries.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::{shell, tools};

/// Largest number of crates of mermin-core with its default features.
const MOST: usize = 45;

/// Supported targets.
pub(crate) const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Runtimes: the embedder has its own, so the libraries must not bring one.
const RUNTIMES: [&str; 6] = [
    "async-executor",
    "async-io",
    "async-std",
    "mio",
    "smol",
    "tokio",
];

/// Crates for configuration files. Capturing flows must not bring them.
const FILES: [&str; 4] = ["hcl-edit", "hcl-rs", "serde", "serde_core"];

/// Counts the crates of mermin-core, and checks that none of them is a runtime or reads files.
pub(crate) fn count() -> Result<()> {
    let [one, other] = TARGETS;
    let tree = shell::read(&mut shell::command(&format!(
        "cargo tree --package mermin-core --edges normal,build --prefix none --target {one} --target {other}"
    ))?)?;
    let crates = crates(&tree);
    // Without mermin-core itself.
    let brought = crates.len().saturating_sub(1);
    println!("mermin-core brings {brought} crates; {MOST} are allowed");
    ensure!(
        brought <= MOST,
        "mermin-core brings too many crates: {}",
        crates
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    );
    for (what, names) in [("a runtime", &RUNTIMES[..]), ("a reader of files", &FILES)] {
        let found = among(&crates, names);
        ensure!(
            found.is_none(),
            "mermin-core brings {what}: {}",
            found.unwrap_or_default()
        );
    }
    Ok(())
}

/// Returns names and versions in the output of `cargo tree --prefix none`. A crate appears once per path to it.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect()
}

/// Returns the first crate with one of these names.
fn among<'c>(crates: &'c BTreeSet<String>, names: &[&str]) -> Option<&'c str> {
    crates.iter().map(String::as_str).find(|found| {
        let name = found.split(' ').next();
        name.is_some_and(|name| names.contains(&name))
    })
}

/// Libraries that embedders build.
const LIBRARIES: [&str; 3] = ["mermin-bpf", "mermin-core", "mermin-config"];

/// Checks licences, sources and banned crates: strict rules for the libraries, weaker rules for other packages.
pub(crate) fn deny() -> Result<()> {
    tools::DENY.ready()?;
    for library in LIBRARIES {
        shell::run(&mut shell::command(&format!(
            "cargo deny --log-level error --manifest-path {library}/Cargo.toml --config deny.toml check licenses bans sources"
        ))?)?;
    }
    shell::run(&mut shell::command(
        "cargo deny --log-level error --workspace --config examples/deny.toml check licenses bans sources",
    )?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{manifest, project};

    #[test]
    fn dependency_count_counts_each_version() {
        let tree = "core v1.0.0 (/here)\nsyn v2.0.1\nsyn v3.0.0\nquote v1.0.0\nsyn v2.0.1 (*)\n";
        assert_eq!(crates(tree).len(), 4);
    }

    #[test]
    fn page_has_each_dependency_of_the_libraries() {
        let page = fs::read_to_string(project::root().join("docs/DEPENDENCIES.md")).unwrap();
        for package in manifest::packages().unwrap() {
            let library = package["name"].as_str().unwrap();
            if !manifest::PUBLISHED.contains(&library) {
                continue;
            }
            let declared: BTreeSet<String> = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                // Without dependencies of tests and without the libraries themselves.
                .filter(|it| it["kind"].is_null() && it["source"].is_string())
                .map(|it| {
                    let version = it["req"].as_str().unwrap().trim_start_matches('^');
                    format!("{} {version}", it["name"].as_str().unwrap())
                })
                .collect();
            assert_eq!(listed(&page, library), declared, "{library}");
        }
    }

    /// Returns names and versions in the tables below a library's heading.
    fn listed(page: &str, library: &str) -> BTreeSet<String> {
        let heading = format!("\n## {library}\n");
        let part = page.split(&heading).nth(1).unwrap();
        let part = part.split("\n## ").next().unwrap();
        part.lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(name, rest)| format!("{name} {}", rest.split(" | ").next().unwrap()))
            .collect()
    }

    #[test]
    fn crates_are_compared_by_full_name() {
        let among = |tree| among(&crates(tree), &RUNTIMES).map(str::to_owned);
        assert_eq!(among("core v1\ntokio-util v1\n"), None);
        assert_eq!(among("core v1\ntokio v1\n"), Some("tokio v1".to_owned()));
    }
}
