//! Types of other crates in public signatures.

use anyhow::Result;

use super::{LIBRARIES, rustdoc};
use crate::{project, shell, tools};

/// Rejects types that are not the crate's own, std's, or allowed in the crate's manifest.
pub(crate) fn check() -> Result<()> {
    tools::EXTERNAL_TYPES.ready()?;
    for library in &LIBRARIES {
        let features = match library.features {
            "" => String::new(),
            features => format!("--features {features}"),
        };
        let manifest = project::root().join(library.package).join("Cargo.toml");
        let mut command = rustdoc::cargo(&format!("check-external-types {features}"))?;
        command.arg("--manifest-path").arg(manifest);
        shell::run(&mut command)?;
    }
    Ok(())
}
