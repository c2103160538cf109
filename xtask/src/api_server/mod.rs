//! Tests with a real Kubernetes API server and its etcd.

mod build;
mod openapi;
mod versions;

use anyhow::Result;

use crate::shell;

/// Tests that start the programs by themselves, one at a time: each has a server of its own, of 350 MB.
const TESTS: [&str; 3] = [
    "cargo test -p mermin-kubernetes --test real -- --ignored --nocapture --test-threads=1",
    "cargo test -p mermin-agent --test deploy -- --ignored --nocapture real_server",
    "cargo test -p mermin-agent --test agent -- --ignored --nocapture real_cluster",
];

/// Runs the tests. The programs are fetched and built once for each set of versions.
pub(crate) fn test() -> Result<()> {
    let programs = build::programs()?;
    for test in TESTS {
        let mut command = shell::command(test)?;
        command.env("MERMIN_API_SERVER", &programs);
        command.env("MERMIN_REQUIRE_KERNEL", "1");
        shell::run(&mut command)?;
    }
    Ok(())
}
