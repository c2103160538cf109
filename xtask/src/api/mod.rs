//! The public API: its committed text, and rules for its contents.

#[cfg(test)]
mod decisions;
mod foreign;
mod rustdoc;
mod semver;
mod text;

use std::fs;

use anyhow::{Context, Result, bail};

pub(crate) use self::{foreign::check as check_foreign, semver::check as check_semver};
use crate::{project, shell};

/// A library with a stable API.
pub(crate) struct Library {
    pub(crate) package: &'static str,
    /// Features that semantic versioning covers.
    pub(crate) features: &'static str,
}

/// Without `__lab` of mermin-core, which is not covered.
pub(crate) const LIBRARIES: [Library; 3] = [
    Library {
        package: "mermin-bpf",
        features: "",
    },
    Library {
        package: "mermin-core",
        features: "bytes,futures-sink,pcap-compressed,serde,testing,tower,tracing",
    },
    Library {
        package: "mermin-config",
        features: "",
    },
];

/// Returns the path of a library's text, relative to the project's root.
fn place(library: &Library) -> String {
    format!("docs/public-api/{}.txt", library.package)
}

/// Writes the texts.
pub(crate) fn rewrite() -> Result<()> {
    for library in &LIBRARIES {
        let place = place(library);
        let path = project::root().join(&place);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, text::of(library)?).with_context(|| format!("cannot write `{place}`"))?;
        println!("{place} is up to date");
    }
    Ok(())
}

/// Builds the documentation as published: with all covered features, and marks of the features.
pub(crate) fn document() -> Result<()> {
    for Library { package, features } in &LIBRARIES {
        let mut command = rustdoc::cargo(&format!(
            "doc --package {package} --lib --no-deps --features={features}"
        ))?;
        shell::run(command.env("RUSTDOCFLAGS", "-D warnings --cfg docsrs"))?;
    }
    Ok(())
}

/// Compares the texts with the source.
pub(crate) fn check() -> Result<()> {
    let mut drift = String::new();
    for library in &LIBRARIES {
        let place = place(library);
        let committed = fs::read_to_string(project::root().join(&place))
            .with_context(|| format!("cannot read `{place}`"))?;
        let lines = text::difference(&committed, &text::of(library)?);
        if !lines.is_empty() {
            drift.extend([place.as_str(), ":\n", &lines]);
        }
    }
    if !drift.is_empty() {
        bail!(
            "the public API is not what is committed (- gone, + new)\n{drift}type `cargo xtask api` and commit the texts if this is meant"
        );
    }
    println!("the public API is what is committed");
    Ok(())
}
