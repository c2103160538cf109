//! Tests of plain frames and of errors about arguments.

use std::{fs, process::Command};

use mermin_testing::Folder;

use crate::tmux::{Tmux, mixed, top};

pub(crate) fn dumb() {
    let tmux = Tmux::start(&format!(
        "TERM=dumb {} --pcap {} --speed max --frames 3 --delay 0.1 | cat -v; TERM=dumb {} --pcap {} --speed max --frames 2 --delay 0.1; echo over",
        top(),
        mixed(),
        top(),
        mixed()
    ));
    let lines = tmux.until_shown("over");
    assert!(lines.iter().all(|line| !line.contains("^[")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains(" in flows + ")),
        "{lines:#?}"
    );
    assert!(tmux.is_as_it_was());
}

pub(crate) fn printed() {
    let mut command = Command::new(top());
    command.args([
        "--pcap",
        &mixed(),
        "--speed",
        "max",
        "--frames",
        "4",
        "--delay",
        "0.1",
    ]);
    let output = command
        .env("TERM", "xterm")
        .env("LANG", "C")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(text.matches("top  mixed.pcap").count(), 4, "{text}");
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.contains("18 packets = 15 in flows + 3 in none: "),
        "{text}"
    );
}

/// Without a number of frames, the last one shows the whole capture.
pub(crate) fn ends() {
    let mut command = Command::new("timeout");
    command.args(["60", top(), "--plain", "--speed", "max", "--delay", "0.1"]);
    let output = command.args(["--pcap", &mixed()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.contains("18 packets = 15 in flows + 3 in none: "),
        "{text}"
    );
    assert_eq!(text.matches("  ended").count(), 1, "{text}");
}

/// A capture with damage after its last packet: the flows are shown, and the error is printed.
pub(crate) fn fails() {
    let folder = Folder::new("damaged");
    let damaged = folder.file("damaged.pcap");
    let mut octets = fs::read(mixed()).unwrap();
    octets.extend([0xff; 64]);
    fs::write(&damaged, octets).unwrap();
    let mut command = Command::new("timeout");
    command.args(["60", top(), "--plain", "--speed", "max", "--delay", "0.1"]);
    let output = command.arg("--pcap").arg(&damaged).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: cannot read"), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\ncannot read `"), "{text}");
    assert!(text.contains("\n18 packets = 15 in flows"), "{text}");
}

pub(crate) fn wrong() {
    for (arguments, status, part) in [
        (&["--nonsense"][..], 2, "Try `top --help`"),
        (&["--speed", "3"], 2, "`--speed` plays a capture"),
        (
            &["--pcap", "/nowhere.pcap"],
            1,
            "cannot open `/nowhere.pcap`",
        ),
        (
            &["--pcap", &mixed(), "--filter", "prt=1"],
            1,
            "cannot use the key `prt`",
        ),
    ] {
        let output = Command::new(top()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
