//! The unit and its drop-in, as systemd reads them.

use std::{fs, process::Command};

use mermin_testing::Folder;

use crate::{has, place};

/// Returns what systemd says about the unit, with or without its drop-in, if its exposure is at most `threshold` tenths of 10.
/// The limit of what systemd calls OK is 50. systemd also reads drop-ins beside the unit, so both are copied.
fn analyzed(threshold: u32, for_instance: bool) -> Option<String> {
    if !has("systemd-analyze") {
        return None;
    }
    let folder = Folder::new("agent-unit");
    let unit = folder.file("mermin-agent.service");
    fs::copy(place("deploy/mermin-agent.service"), &unit).unwrap();
    if for_instance {
        let drop_ins = folder.file("mermin-agent.service.d");
        fs::create_dir(&drop_ins).unwrap();
        let drop_in = place("deploy/mermin-agent.service.d/instance.conf");
        fs::copy(drop_in, drop_ins.join("instance.conf")).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--threshold={threshold}"))
        .arg(&unit)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said)
}

/// Without these, the service cannot write to `/sys/fs/bpf`.
const NEEDED: [&str; 2] = [
    "Service may alter kernel tunables",
    "Service runs as root user",
];

#[test]
fn unit_has_few_privileges() {
    let Some(said) = analyzed(25, false) else {
        return;
    };
    assert!(NEEDED.iter().all(|it| !said.contains(it)), "{said}");
}

#[test]
fn drop_in_of_an_instance_may_write_to_the_bpf_file_system() {
    let Some(said) = analyzed(30, true) else {
        return;
    };
    assert!(NEEDED.iter().all(|it| said.contains(it)), "{said}");
}
