//! Runs parts of tests that change global state of a host in a process of their own, with its own namespaces.

use std::{
    env,
    process::{Command, ExitCode},
};

/// The environment variable that names the part of such a process.
pub const ROLE: &str = "MERMIN_TEST_ROLE";

/// A part: its name and its function.
pub type Role = (&'static str, fn());

/// Runs the part that this process was started for, if there is one. Call it first in `main`. A panic is a failure.
#[must_use]
pub fn play(roles: &[Role]) -> Option<ExitCode> {
    let name = env::var_os(ROLE)?;
    let Some((_, role)) = roles.iter().find(|(known, _)| name == *known) else {
        return Some(ExitCode::FAILURE);
    };
    role();
    Some(ExitCode::SUCCESS)
}

/// Runs a part in new namespaces; `namespaces` are flags of `unshare`.
pub fn run(role: Role, namespaces: &[&str]) {
    let own = env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(namespaces)
        .arg(own)
        .env(ROLE, role.0)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", role.0);
}

/// Runs a command in such a process.
pub fn command(line: &str) {
    let mut words = line.split_whitespace();
    let status = Command::new(words.next().unwrap()).args(words).status();
    assert!(status.unwrap().success(), "{line}");
}
