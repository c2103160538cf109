//! The agent as in its image: static, and alone in a root file system.

use std::env::consts::ARCH;

use anyhow::{Context, Result};

use crate::{project, shell};

/// Builds the static agent, and runs it with nothing beside it. `examples/agent/deploy/Dockerfile` has the same command, in release.
pub(crate) fn test() -> Result<()> {
    shell::find("musl-gcc").context("type `apt-get install musl-tools`")?;
    let target = format!("{ARCH}-unknown-linux-musl");
    // With an installed target, this says so and ends.
    shell::run(&mut shell::command(&format!("rustup target add {target}"))?)?;
    let build = format!("cargo build --locked --target {target} -p mermin-agent");
    shell::run(&mut shell::command(&build)?)?;
    let mut test = shell::command(
        "cargo test -p mermin-agent --test agent -- --include-ignored static_agent_runs_alone",
    )?;
    let agent = project::target_dir()
        .join(&target)
        .join("debug/mermin-agent");
    shell::run(
        test.env("MERMIN_STATIC_AGENT", agent)
            .env("MERMIN_REQUIRE_KERNEL", "1"),
    )
}
