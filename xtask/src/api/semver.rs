//! Checks changes since the last release against semantic versioning.

use anyhow::Result;

use super::{LIBRARIES, rustdoc};
use crate::{shell, tools};

/// Compares the libraries with their last release.
pub(crate) fn check() -> Result<()> {
    tools::SEMVER_CHECKS.ready()?;
    let tags = shell::read(&mut shell::command(
        "git tag --list v* --sort=-version:refname",
    )?)?;
    let baseline = tags.lines().next().unwrap_or_else(|| {
        println!("skipped: the comparison with the last release, because there is none; compared with the last commit");
        "HEAD"
    });
    for library in &LIBRARIES {
        let features = match library.features {
            "" => String::new(),
            features => format!("--features {features}"),
        };
        shell::run(&mut rustdoc::cargo(&format!(
            "semver-checks --package {} --baseline-rev {baseline} --only-explicit-features {features}",
            library.package
        ))?)?;
    }
    Ok(())
}
