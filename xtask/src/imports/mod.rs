//! Checks import cycles: files and folders that import each other can only be understood together.

mod graph;
mod modules;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::{
    graph::{Graph, circles},
    modules::Modules,
};
use crate::{manifest, project};

/// The largest number of files in a cycle.
const MOST: usize = 4;
/// The crate whose folders must not import each other.
const LAYERED: &str = "mermin-core";
/// Forbidden imports: crate, folder, and the imported folder.
const NEVER: &[(&str, &str, &str)] = &[
    ("mermin-core", "sys", "flow"),
    ("mermin-core", "sys", "table"),
    ("mermin-core", "sys", "filter"),
    ("mermin-core", "sys", "attach"),
    ("mermin-core", "report", "attach"),
    ("mermin-core", "report", "bpf"),
    ("mermin-bpf", "wire", "track"),
];

/// Reads the `use` paths of all crates.
pub(crate) fn check() -> Result<()> {
    let mut faults = Vec::new();
    let mut longest = 0;
    for (name, directory) in crates(&manifest::packages()?)? {
        let graph = Modules::read(&directory)?.graph();
        longest = longest.max(circles(&graph).first().map_or(0, BTreeSet::len));
        faults.extend(faults_of(&name, &graph));
    }
    ensure!(
        faults.is_empty(),
        "imports run in circles, or against their layers\n{}",
        faults.join("\n")
    );
    println!(
        "no more than {longest} files import each other in a circle, and no folders of {LAYERED}"
    );
    Ok(())
}

/// Returns name and directory of each crate of more than one file: libraries, programs, tests and benchmarks. A library and
/// a program in one directory are one entry.
fn crates(packages: &[Value]) -> Result<BTreeMap<String, PathBuf>> {
    let mut all = BTreeMap::new();
    let targets = |package: &Value| package["targets"].as_array().cloned().unwrap_or_default();
    for target in packages.iter().flat_map(targets) {
        let file = target["src_path"].as_str().map(Path::new);
        let file = file.context("cannot find a crate's file in what `cargo metadata` says")?;
        let is_root = ["lib.rs", "main.rs"]
            .iter()
            .any(|root| file.ends_with(root));
        if let Some(directory) = file.parent().filter(|_| is_root) {
            let below = directory.strip_prefix(project::root())?;
            let name = below.to_string_lossy();
            let name = name.strip_suffix("/src").unwrap_or(&name);
            all.insert(name.to_owned(), directory.to_owned());
        }
    }
    Ok(all)
}

/// Returns the faults of a crate.
fn faults_of(name: &str, graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for circle in circles(graph) {
        if circle.len() > MOST {
            let files = circle.len();
            let arrows = ties(graph, |one, other| {
                circle.contains(one) && circle.contains(other)
            });
            faults.push(format!("{name}: {files} files import each other{arrows}"));
        }
    }
    if name == LAYERED {
        for circle in circles(&between_folders(graph)) {
            let between = |one: &str, other: &str| {
                let folders = side_by_side(one, other);
                folders.is_some_and(|(one, other)| circle.contains(&one) && circle.contains(&other))
            };
            let arrows = ties(graph, between);
            faults.push(format!("{name}: folders import each other{arrows}"));
        }
    }
    let never = NEVER.iter().filter(|never| never.0 == name);
    for (_, folder, other) in never {
        for (file, arrows) in graph
            .iter()
            .filter(|(file, _)| folder_of(file) == Some(folder))
        {
            let wrong = arrows.iter().filter(|to| folder_of(to) == Some(other));
            faults.extend(wrong.map(|to| format!("{name}: `{file}` imports `{to}`")));
        }
    }
    faults
}

/// Formats the edges of a cycle, one per line.
fn ties(graph: &Graph, is_in: impl Fn(&str, &str) -> bool) -> String {
    let mut lines = String::new();
    for (from, arrows) in graph {
        for to in arrows.iter().filter(|to| is_in(from, to)) {
            lines.push_str("\n  ");
            lines.push_str(from);
            lines.push_str(" -> ");
            lines.push_str(to);
        }
    }
    lines
}

/// Returns the first folder of a file's path.
fn folder_of(file: &str) -> Option<&str> {
    file.split_once('/').map(|(folder, _)| folder)
}

/// Returns the edges between sibling folders.
fn between_folders(graph: &Graph) -> Graph {
    let mut folders = Graph::new();
    for (from, arrows) in graph {
        for to in arrows {
            if let Some((one, other)) = side_by_side(from, to) {
                folders.entry(one).or_default().insert(other);
            }
        }
    }
    folders
}

/// Returns the sibling folders of two files.
fn side_by_side(from: &str, to: &str) -> Option<(String, String)> {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let differ = from.iter().zip(&to).position(|(one, other)| one != other)?;
    // Both paths must have a folder where they differ, because the last component is the file name.
    let folders = differ + 1 < from.len() && differ + 1 < to.len();
    folders.then(|| (from[..=differ].join("/"), to[..=differ].join("/")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{graph::graph, *};

    #[test]
    fn cycles_of_at_most_four_files_are_allowed() {
        let round = ["a/1.rs", "a/2.rs", "a/3.rs", "a/4.rs", "a/5.rs"];
        let ring = |files: &[&'static str]| {
            let next = files.iter().cycle().skip(1);
            let arrows: Vec<_> = files.iter().copied().zip(next.copied()).collect();
            graph(&arrows)
        };
        assert!(faults_of("xtask", &ring(&round[..4])).is_empty());
        let faults = faults_of("xtask", &ring(&round));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("5 files"), "{faults:?}");
    }

    #[test]
    fn folders_of_one_folder_may_not_import_each_other() {
        let arrows = [("a/x.rs", "b/y.rs"), ("b/z.rs", "a/w.rs")];
        assert_eq!(faults_of(LAYERED, &graph(&arrows)).len(), 1);
        let deeper = [("a/c/x.rs", "a/d/y.rs"), ("a/d/z.rs", "a/c/w.rs")];
        let expected = "mermin-core: folders import each other\n  a/c/x.rs -> a/d/y.rs\n  a/d/z.rs -> a/c/w.rs";
        assert_eq!(faults_of(LAYERED, &graph(&deeper)), [expected]);
        // A folder and a file beside it are not two folders.
        let beside = [("a/x.rs", "a/d/y.rs"), ("a/d/z.rs", "a/x.rs")];
        assert!(faults_of(LAYERED, &graph(&beside)).is_empty());
    }

    #[test]
    fn import_against_the_layers_is_reported() {
        let arrows = [
            ("sys/bpf.rs", "table/entry.rs"),
            ("table/entry.rs", "flow/mod.rs"),
        ];
        let expected = ["mermin-core: `sys/bpf.rs` imports `table/entry.rs`"];
        assert_eq!(faults_of(LAYERED, &graph(&arrows)), expected);
    }

    #[test]
    fn each_target_with_a_directory_is_a_crate() {
        let path = |below: &str| project::root().join(below);
        let target = |below: &str| json!({ "src_path": path(below) });
        let packages = [
            json!({ "targets": [target("a/src/lib.rs"), target("a/src/main.rs"), target("a/tests/whole/main.rs")] }),
            json!({ "targets": [target("b/c/src/bin/d/main.rs"), target("b/c/tests/single.rs")] }),
        ];
        let expected = ["a/src", "a/tests/whole", "b/c/src/bin/d"];
        let expected = expected.map(|it| (it.trim_end_matches("/src").to_owned(), path(it)));
        assert_eq!(crates(&packages).unwrap(), BTreeMap::from(expected));
    }

    #[test]
    fn tree_has_no_layer_violation() {
        check().unwrap();
    }
}
