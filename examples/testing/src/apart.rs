//! Parts of tests that change what a host has in common: they run in a process of their own, with namespaces of its own.

use std::{
    env,
    process::{Command, ExitCode},
};

/// The variable that names the part such a process plays.
pub const ROLE: &str = "MERMIN_TEST_ROLE";

/// A part: its name, and what it does.
pub type Role = (&'static str, fn());

/// Plays the part that this process is asked for, if it is: of `main`, before anything else. A panic is a failure.
#[must_use]
pub fn play(roles: &[Role]) -> Option<ExitCode> {
    let name = env::var_os(ROLE)?;
    let Some((_, role)) = roles.iter().find(|(known, _)| name == *known) else {
        return Some(ExitCode::FAILURE);
    };
    role();
    Some(ExitCode::SUCCESS)
}

/// Runs a part in namespaces of its own, of the kinds that `unshare` is told.
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

/// Runs a command of such a process.
pub fn command(line: &str) {
    let mut words = line.split_whitespace();
    let status = Command::new(words.next().unwrap()).args(words).status();
    assert!(status.unwrap().success(), "{line}");
}
