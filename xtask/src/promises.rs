//! Checks that every test and step named in `docs/GUARANTEES.md` exists.
//!
//! A test's name is `target::path::test`. The target is a library, a program or a file of integration tests. A test
//! with several variants is named once. A step of CI is `ci: name`.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{ci, project, shell};

const PAGE: &str = "docs/GUARANTEES.md";
/// Begins the paragraph that lists the tests of a promise.
const HELD_BY: &str = "Held by ";

/// A promise and the names of its tests and steps.
#[derive(Debug, PartialEq, Eq)]
struct Promise<'a> {
    title: &'a str,
    guards: Vec<&'a str>,
}

/// Reads the names of all tests from the test programs.
pub(crate) fn check() -> Result<()> {
    let page = fs::read_to_string(project::root().join(PAGE))
        .with_context(|| format!("cannot read `{PAGE}`"))?;
    let promises = promises(&page);
    let mut names = tests()?;
    names.extend(ci::names().map(|name| format!("ci: {name}")));
    let missing = missing(&promises, &names);
    ensure!(
        missing.is_empty(),
        "{PAGE} names what is not there\n{}",
        missing.join("\n")
    );
    let guards: usize = promises.iter().map(|promise| promise.guards.len()).sum();
    println!(
        "{} promises are held by {guards} tests and steps",
        promises.len()
    );
    Ok(())
}

/// Parses the page: each heading of the second level is a promise.
fn promises(page: &str) -> Vec<Promise<'_>> {
    page.split("\n## ")
        .skip(1)
        .map(|section| Promise {
            title: section.lines().next().unwrap_or_default(),
            guards: section
                .split("\n\n")
                .filter_map(|paragraph| paragraph.trim_start().strip_prefix(HELD_BY))
                // Every second part is in backquotes.
                .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
                .collect(),
        })
        .collect()
}

/// Returns names that do not exist, and promises without a test.
fn missing(promises: &[Promise<'_>], names: &BTreeSet<String>) -> Vec<String> {
    let mut missing = Vec::new();
    for Promise { title, guards } in promises {
        if guards.is_empty() {
            missing.push(format!("  {title}: nothing holds it"));
        }
        for guard in guards {
            let variants = format!("{guard}::");
            if !names
                .iter()
                .any(|name| name == guard || name.starts_with(&variants))
            {
                missing.push(format!("  {title}: `{guard}`"));
            }
        }
    }
    missing
}

/// Returns the names of all tests of the workspace.
fn tests() -> Result<BTreeSet<String>> {
    let messages = shell::read(&mut shell::command(
        "cargo test --quiet --workspace --tests --no-run --message-format json-render-diagnostics",
    )?)?;
    let mut names = BTreeSet::new();
    for message in messages.lines() {
        let message: Value = serde_json::from_str(message)?;
        let (Some(program), Some(target)) = (
            message["executable"].as_str(),
            message["target"]["name"].as_str(),
        ) else {
            continue;
        };
        if message["profile"]["test"] != true {
            continue;
        }
        let target = target.replace('-', "_");
        let listed = shell::read(Command::new(program).args(["--list", "--format", "terse"]))?;
        names.extend(
            listed
                .lines()
                .filter_map(|line| line.strip_suffix(": test"))
                .map(|test| format!("{target}::{test}")),
        );
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Returns all Rust source of a directory.
    fn source(of: &Path) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(of).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                text.push_str(&source(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
        text
    }

    /// A quick check against the source. `cargo xtask promises` asks the test programs.
    #[test]
    fn every_promise_names_tests_that_the_source_has() {
        let page = fs::read_to_string(project::root().join(PAGE)).unwrap();
        let promises = promises(&page);
        assert!(promises.len() > 5, "{promises:?}");
        let source = source(project::root());
        for Promise { title, guards } in promises {
            assert!(!guards.is_empty(), "nothing holds `{title}`");
            for guard in guards {
                let found = match guard.strip_prefix("ci: ") {
                    Some(step) => ci::names().any(|name| name == step),
                    None => guard.rsplit("::").next().is_some_and(|test| {
                        source.contains(&format!("fn {test}("))
                            || source.contains(&format!("\"{test}\""))
                            // In the table of a macro.
                            || source.contains(&format!("\n    {test}: "))
                    }),
                };
                assert!(found, "`{title}` is to be held by `{guard}`");
            }
        }
    }

    #[test]
    fn guards_are_what_is_in_backquotes_behind_held_by() {
        let page = "# Page\n\nNot `this`.\n\n## One\n\nNor `that`.\n\nHeld by `a::b`,\n`ci: c`.\n\n## Two\n";
        let expected = [
            Promise {
                title: "One",
                guards: vec!["a::b", "ci: c"],
            },
            Promise {
                title: "Two",
                guards: vec![],
            },
        ];
        assert_eq!(promises(page), expected);
    }

    #[test]
    fn missing_test_is_named_with_its_promise() {
        let promises = promises("\n## One\n\nHeld by `a::b`, `a::c`.\n\n## Two\n");
        let names = ["a::b::tcx", "a::cc"].map(str::to_owned).into();
        assert_eq!(
            missing(&promises, &names),
            ["  One: `a::c`", "  Two: nothing holds it"]
        );
    }
}
