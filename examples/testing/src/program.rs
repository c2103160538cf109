//! Programs of the exporters, from outside.

use std::process::Command;

/// A capture with eight flows.
pub const CAPTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../mermin-core/tests/captures/mixed.pcap"
);

/// Runs a program with these arguments and variables, and without those of the environment that name its source and its target. Returns
/// its exit status and standard error.
#[must_use]
pub fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    for name in [
        "MERMIN_INTERFACE",
        "MERMIN_PCAP",
        "MERMIN_CONFIG_PATH",
        "MERMIN_TO",
    ] {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}
