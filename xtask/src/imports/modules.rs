//! The files of a crate, and their imports.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    graph::Graph,
    read::{Import, imports},
};

/// Largest number of re-exports to follow.
const MOST_STEPS: usize = 8;

/// Name of modules with tools for tests.
const TOOLS: &str = "testing";

/// Files by module path.
#[derive(Debug)]
pub(super) struct Modules(BTreeMap<Vec<String>, Module>);

#[derive(Debug)]
struct Module {
    /// Path below the crate's directory.
    file: String,
    imports: Vec<Import>,
}

impl Modules {
    /// Reads the sources below a directory.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for path in sources(root)? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let below = path.strip_prefix(root).unwrap_or(&path);
            files.push((below.to_string_lossy().into_owned(), text));
        }
        Ok(Self::of(&files))
    }

    /// Creates it from file names and texts. Unit tests and tools for tests are left out, because they may import
    /// anything.
    fn of(files: &[(String, String)]) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = Vec::new();
        let has_library = files.iter().any(|(file, _)| file == "lib.rs");
        for (file, text) in files {
            // A program beside a library has the same modules, and imports the library by its name.
            if has_library && file == "main.rs" {
                continue;
            }
            let stem = file.trim_end_matches(".rs");
            let mut path: Vec<String> = stem.split('/').map(str::to_owned).collect();
            if let Some("mod" | "lib" | "main") = path.last().map(String::as_str) {
                path.pop();
            }
            tests.extend(test_modules(text).map(|name| [path.as_slice(), &[name]].concat()));
            let module = Module {
                file: file.clone(),
                imports: imports(text),
            };
            modules.insert(path, module);
        }
        modules.retain(|path: &Vec<String>, _| {
            let is_test = tests.iter().any(|test| path.starts_with(test));
            !is_test && !path.iter().any(|name| name == TOOLS)
        });
        Self(modules)
    }

    /// Returns the graph of imports between files.
    pub(super) fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (path, module) in &self.0 {
            let arrows = graph.entry(module.file.clone()).or_default();
            for import in &module.imports {
                let found = self.find(path, &import.path, MOST_STEPS);
                arrows.extend(
                    found
                        .filter(|found| *found != module.file)
                        .map(str::to_owned),
                );
            }
        }
        graph
    }

    /// Returns the file that a path leads to from a module, through re-exports. `None` if it leads to another crate.
    fn find(&self, from: &[String], path: &[String], steps: usize) -> Option<&str> {
        let mut at = self.begin(from, path.first()?)?;
        let mut rest = &path[1..];
        while let Some((next, behind)) = rest.split_first() {
            if next == "super" {
                at.pop();
            } else {
                at.push(next.clone());
                if !self.0.contains_key(&at) {
                    at.pop();
                    break;
                }
            }
            rest = behind;
        }
        let module = self.0.get(&at)?;
        let named = |import: &&Import| rest.first().is_some_and(|name| import.name == *name);
        match module.imports.iter().find(named) {
            Some(export) if steps != 0 => self.find(&at, &export.path, steps - 1),
            _ => Some(&module.file),
        }
    }

    /// Returns the module that the first word of a path names.
    fn begin(&self, from: &[String], first: &str) -> Option<Vec<String>> {
        match first {
            "crate" => Some(Vec::new()),
            "self" => Some(from.to_vec()),
            "super" => Some(from.split_last()?.1.to_vec()),
            child => {
                let path = [from, &[child.to_owned()]].concat();
                self.0.contains_key(&path).then_some(path)
            }
        }
    }
}

/// Returns the names of files that a source declares for its unit tests.
fn test_modules(text: &str) -> impl Iterator<Item = String> {
    text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let declared = rest.strip_prefix("pub(crate) ").unwrap_or(rest);
        let (name, _) = declared.strip_prefix("mod ")?.split_once(';')?;
        let is_name = name.chars().all(|it| it.is_alphanumeric() || it == '_');
        is_name.then(|| name.to_owned())
    })
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot list `{}`", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_files_through_re_exports() {
        let files = [
            ("lib.rs", "pub use a::One;\n"),
            (
                "a/mod.rs",
                "pub use self::b::{One, Two as Other};\nuse std::io;\n",
            ),
            ("a/b.rs", "use super::super::c::Three;\n"),
            (
                "c.rs",
                "use crate::{One, a::{self, Four, Other}};\n#[cfg(test)]\nmod laws;\n",
            ),
            ("c/laws.rs", "use crate::a::One;\n"),
            ("a/testing/mod.rs", "use crate::c::Three;\n"),
        ];
        let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
        let graph = Modules::of(&files).graph();
        let arrows = |file: &str| {
            let arrows = graph[file].iter().map(String::as_str);
            arrows.collect::<Vec<_>>()
        };
        assert_eq!(arrows("lib.rs"), ["a/b.rs"]);
        assert_eq!(arrows("a/mod.rs"), ["a/b.rs"]);
        assert_eq!(arrows("a/b.rs"), ["c.rs"]);
        assert_eq!(arrows("c.rs"), ["a/b.rs", "a/mod.rs"]);
        assert_eq!(graph.len(), 4);
    }
}
