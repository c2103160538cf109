//! Sentences in the library's source files, which programs show to people.

use std::{fs, path::Path};

/// Returns the sentences of these modules of mermin-core: texts of several words, outside of comments and tests.
#[must_use]
pub fn sentences(modules: &[&str]) -> Vec<String> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("mermin-core/src"))
        .find(|folder| folder.is_dir())
        .unwrap_or_default();
    let mut found = Vec::new();
    for module in modules {
        walk(&library.join(module), &mut found);
    }
    found
}

/// Returns the sentences in one source file.
fn of_file(source: &str) -> Vec<String> {
    let code: String = source
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| {
            line.strip_suffix('\\')
                .map_or_else(|| format!("{line}\n"), str::to_owned)
        })
        .collect();
    code.replace("\\\"", "'")
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|text| text.split(' ').count() > 2)
        .collect()
}

fn walk(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(source) = fs::read_to_string(&path) {
            found.extend(of_file(&source));
        }
    }
}
