//! Compiles the kernel program, and compares it with the committed one.

mod build;
mod compare;
#[cfg(test)]
mod helpers;
mod summary;

use std::fs;

use anyhow::{Context, Result, bail};

use self::build::Variant;
use crate::project;

/// Values of `mermin_fault` in the kernel program's source.
const FAULTS: [&str; 6] = [
    "widened",
    "unguarded",
    "uncounted",
    "overwritten",
    "unchecked",
    "unkept",
];

/// Compiles the kernel program, and writes it to its committed path.
pub(crate) fn rebuild() -> Result<()> {
    let built = build::build(Variant::Shipped)?;
    let summary = summary::Summary::read(&built)?;
    let path = project::root().join(project::OBJECT);
    let is_new = fs::read(&path).map_or(true, |committed| committed != built);
    if is_new {
        fs::write(&path, &built).with_context(|| format!("cannot write `{}`", project::OBJECT))?;
    }
    print!("{summary}");
    let state = if is_new {
        "is new: commit it with its source"
    } else {
        "is up to date"
    };
    println!("{} {state}", project::OBJECT);
    Ok(())
}

/// Lints the kernel program's own code.
pub(crate) fn lint() -> Result<()> {
    build::lint()
}

/// Compiles the kernel programs that tests show to be wrong, and puts them beside what else is compiled.
pub(crate) fn for_tests() -> Result<()> {
    for fault in FAULTS {
        let built = build::build(Variant::Faulty(fault))?;
        let path = project::object_for_tests(fault);
        fs::write(&path, &built).with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("{} is for tests alone", path.display());
    }
    Ok(())
}

/// Compiles the kernel program and compares it with the committed one, byte for byte.
pub(crate) fn check() -> Result<()> {
    let built = build::build(Variant::Shipped)?;
    let committed = fs::read(project::root().join(project::OBJECT))
        .with_context(|| format!("cannot read `{}`", project::OBJECT))?;
    if let Some(difference) = compare::difference(&committed, &built) {
        bail!(
            "`{}` is not what the source compiles to\n{difference}\ntype `cargo xtask bpf` and commit the object",
            project::OBJECT
        );
    }
    println!(
        "{} is what the source compiles to ({})",
        project::OBJECT,
        compare::identity(&built)
    );
    Ok(())
}
