//! Checks that the tests named in the exporters' pages exist.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::links::files;

/// Heading of the last column in tables whose rows name tests.
const HEAD: &str = "| test |";
/// Beginning of the table in `examples/README.md` whose columns are folders of exporters.
const MATRIX: &str = "| trouble | ";

/// Returns the tests that pages below `examples` name and that do not exist in the package.
pub(crate) fn missing(examples: &Path) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut look = |page: &str, package: &str, cell: &str| -> Result<()> {
        let sources = sources(&examples.join(package))?;
        for name in cell.split('`').skip(1).step_by(2) {
            let forms = [format!("fn {name}()"), format!("\"{name}\"")];
            if !forms.iter().any(|form| sources.contains(form)) {
                missing.push(format!("{page}: `{name}` is no test of {package}"));
            }
        }
        Ok(())
    };
    let page = read(&examples.join("README.md"))?;
    for table in tables(&page).filter(|table| table[0].starts_with(MATRIX)) {
        let packages = cells(table[0]);
        for row in &table[2..] {
            for (package, cell) in packages.iter().zip(cells(row)).skip(1) {
                look("README.md", package, cell)?;
            }
        }
    }
    for entry in fs::read_dir(examples)? {
        let folder = entry?.path();
        let Ok(page) = fs::read_to_string(folder.join("README.md")) else {
            continue;
        };
        let package = folder.file_name().unwrap_or_default().to_string_lossy();
        for table in tables(&page).filter(|table| table[0].ends_with(HEAD)) {
            for row in &table[2..] {
                look(&package, &package, cells(row).last().unwrap_or(&""))?;
            }
        }
    }
    Ok(missing)
}

/// Rows that each exporter's section of `examples/README.md` has, by words of their first cell.
const ROWS: [&[&str]; 9] = [
    &["prints"],
    &["speed"],
    &["slow"],
    &["down", "away"],
    &["half-open", "silent"],
    &["rejecting"],
    &["speaking nonsense"],
    &["disk full"],
    &["clock stepped"],
];

/// Returns the rows that sections of the page about exporters lack.
fn missing_rows(page: &str) -> Vec<String> {
    let exporters = page
        .split_once("\n# Exporters\n")
        .map_or("", |(_, part)| part);
    let mut missing_rows = Vec::new();
    for section in exporters.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap_or_default();
        let rows: Vec<_> = tables(section).flatten().map(|row| cells(row)[0]).collect();
        for words in ROWS {
            let has_row = |row: &&str| words.iter().any(|word| row.contains(word));
            if !rows.iter().any(has_row) {
                missing_rows.push(format!("{name}: no row for `{}`", words.join("` or `")));
            }
        }
    }
    missing_rows
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Returns all sources and tests of a package.
fn sources(package: &Path) -> Result<String> {
    files(package)?
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .map(|path| read(path))
        .collect()
}

/// Returns the lines of each table.
fn tables(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.split("\n\n")
        .map(|part| part.lines().filter(|line| line.starts_with('|')).collect())
        .filter(|table: &Vec<_>| table.len() > 2)
}

fn cells(row: &str) -> Vec<&str> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    row.split('|').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn tests_that_pages_of_exporters_name_are_there() {
        let missing = missing(&project::root().join("examples")).unwrap();
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn sections_of_exporters_have_a_row_for_each_trouble() {
        let page = read(&project::root().join("examples/README.md")).unwrap();
        assert_eq!(missing_rows(&page), [""; 0]);
        assert!(page.matches("\n| speed | ").count() >= 7);
        let page = page.replace("\n| clock stepped | only", "\n| time | only");
        assert_eq!(
            missing_rows(&page),
            ["NATS JetStream: no row for `clock stepped`"]
        );
    }

    #[test]
    fn row_has_as_many_cells_as_columns() {
        assert_eq!(cells("| a | | `b`, `c` | |"), ["a", "", "`b`, `c`", ""]);
        let page = "x\n\n| trouble | ipfix |\n|---|---|\n| slow | `a` |\n\ny";
        let table = tables(page).next().unwrap();
        assert_eq!(
            table,
            ["| trouble | ipfix |", "|---|---|", "| slow | `a` |"]
        );
    }
}
