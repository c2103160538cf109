//! A capture at its own speed and faster, held, and played from another place.

use crate::tmux::{Tmux, mixed};

/// Seconds since its beginning that the first line tells, as `0:01:10 x10`.
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
    // The capture is of 140 s, with a packet after 70.
    let tmux = Tmux::top(&format!("--pcap {} --speed 20", mixed()));
    let lines = tmux.until("the first packets", |lines| {
        lines.iter().any(|line| line.contains("192.0.2.1:40000"))
    });
    assert!(
        lines[0].starts_with("top  mixed.pcap  0:00:0"),
        "{lines:#?}"
    );
    assert!(played(&lines).unwrap() < 70, "{lines:#?}");
    // Held, time stands still, and skipping goes on all the same.
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
    // From the beginning, as fast as it was set last.
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
