//! Pictures of the documentation: drawings from text, charts from tables, and recordings of a terminal.

mod chart;
mod drawing;
mod recording;
mod sgr;
mod svg;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::project;

/// Drawings, each `docs/pictures/NAME.txt` beside `NAME.svg`.
const DRAWINGS: [&str; 2] = ["architecture", "capture-thread"];

/// Draws all texts of `docs/pictures`, and the charts that docs/PERFORMANCE.md asks for.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn draw() -> Result<()> {
    for (name, svg) in drawn()? {
        let path = path(&name, "svg");
        fs::write(&path, svg).with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// The name and content of each picture that follows from a text.
fn drawn() -> Result<Vec<(String, String)>> {
    let mut pictures = Vec::new();
    for name in DRAWINGS {
        let path = path(name, "txt");
        pictures.push((name.to_owned(), drawing::svg(&read(&path)?)));
    }
    let document = read(&project::root().join("docs/PERFORMANCE.md"))?;
    let charts = chart::charts(&document)?;
    pictures.extend(charts.iter().map(|chart| (chart.name.clone(), chart.svg())));
    Ok(pictures)
}

/// Records a command in a terminal, and writes what it showed as an animation: `docs/pictures/NAME.svg`. If there is a `NAME.sh` beside it,
/// that prepares the shell, in a network namespace made for it.
///
/// # Errors
/// Those of tmux, which runs it, and of the file.
pub(crate) fn record(name: &str, seconds: &str, command: &[&str]) -> Result<()> {
    let seconds: u64 = seconds
        .parse()
        .with_context(|| format!("cannot use `{seconds}`: write a number of seconds"))?;
    let scene = Some(path(name, "sh")).filter(|scene| scene.is_file());
    let frames = recording::record(&command.join(" "), seconds, scene.as_deref())?;
    let path = path(name, "svg");
    fs::write(&path, recording::svg(&frames))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn path(name: &str, extension: &str) -> PathBuf {
    let folder = project::root().join("docs/pictures");
    folder.join(name).with_extension(extension)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_that_of_its_text() {
        let pictures = drawn().unwrap_or_default();
        assert!(pictures.len() > DRAWINGS.len());
        for (name, svg) in pictures {
            let written = fs::read_to_string(path(&name, "svg")).ok();
            assert!(written == Some(svg), "{name}: type `cargo xtask pictures`");
        }
    }

    #[test]
    fn pictures_are_small() {
        let Ok(entries) = fs::read_dir(project::root().join("docs/pictures")) else {
            panic!("docs/pictures cannot be read");
        };
        for entry in entries.flatten() {
            let octets = entry.metadata().map_or(u64::MAX, |it| it.len());
            assert!(octets < 100_000, "{:?}: {octets} octets", entry.path());
        }
    }
}
