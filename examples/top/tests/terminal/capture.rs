//! A capture at its own speed and faster, on hold, and from another position.

use std::fs;

use mermin_testing::Folder;

use crate::tmux::{Tmux, mixed, top};

/// Returns the seconds since the beginning from the first line, such as `0:01:10 x10`.
fn played(lines: &[String]) -> Option<u64> {
    let clock = lines[0]
        .split_whitespace()
        .find(|word| word.matches(':').count() == 2)?;
    let parts: Vec<u64> = clock
        .split(':')
        .filter_map(|part| part.parse().ok())
        .collect();
    Some(parts.iter().fold(0, |sum, part| sum * 60 + part))
}

pub(crate) fn plays() {
    // The capture lasts 140 s and has a packet after 70 s.
    let tmux = Tmux::top(&format!("--pcap {} --speed 20", mixed()));
    let lines = tmux.until("the first packets", |lines| {
        lines.iter().any(|line| line.contains("192.0.2.1:40000"))
    });
    assert!(
        lines[0].starts_with("top  mixed.pcap  0:00:0"),
        "{lines:#?}"
    );
    assert!(played(&lines).unwrap() < 70, "{lines:#?}");
    // On hold, time does not advance, but skipping works.
    tmux.send(&["Space"]);
    tmux.until_shown("held");
    tmux.send(&[">"]);
    tmux.send(&["Right", "Right", "Right"]);
    tmux.until("the place that was skipped to", |lines| {
        played(lines).is_some_and(|at| at < 70)
    });
    tmux.send(&["Space", "+", "+"]);
    tmux.until("the packet after 70 s", |lines| {
        lines[0].contains("x80") && played(lines).is_some_and(|at| at >= 70)
    });
    let lines = tmux.until_shown("ended");
    assert_eq!(played(&lines), Some(140));
    assert!(
        lines[21].contains("18 packets = 15 in flows + 3 in none: "),
        "{lines:#?}"
    );
    // From the beginning, at the latest speed.
    tmux.send(&["-", "-", "-", "-", "-", "-", "-"]);
    tmux.send(&["0"]);
    tmux.until("the beginning", |lines| {
        !lines[0].contains("ended") && played(lines).is_some_and(|at| at < 10)
    });
    tmux.send(&["<"]);
    tmux.until("the beginning again", |lines| {
        played(lines).is_some_and(|at| at < 10)
    });
}

/// The error of opening it again is on the screen, and printed at the end.
pub(crate) fn gone() {
    let folder = Folder::new("gone-capture");
    let file = folder.file("some.pcap");
    fs::copy(mixed(), &file).unwrap();
    let tmux = Tmux::start(&format!(
        "LANG=C.UTF-8 {} --speed max --pcap {}\necho \"status $?\"",
        top(),
        file.display()
    ));
    tmux.until_shown("ended");
    fs::remove_file(&file).unwrap();
    tmux.send(&["0"]);
    let lines = tmux.until("the error", |lines| lines[20].starts_with("cannot open `"));
    assert!(lines[21].contains("18 packets = 15 in flows"), "{lines:#?}");
    // The file can be restored.
    fs::copy(mixed(), &file).unwrap();
    tmux.send(&["0"]);
    tmux.until("no error", |lines| {
        lines[20].is_empty() && lines[0].contains("ended")
    });
    fs::remove_file(&file).unwrap();
    tmux.send(&["0"]);
    tmux.until("the error again", |lines| {
        lines[20].starts_with("cannot open `")
    });
    tmux.send(&["q"]);
    let lines = tmux.until_shown("status 1");
    assert!(lines[0].starts_with("error: cannot open `"), "{lines:#?}");
}
