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
}

/// Back from 118 s, also on hold, the file is read again up to the place, and on from there.
pub(crate) fn goes_back() {
    let folder = Folder::new("every-second");
    let file = folder.file("every-second.pcap");
    fs::write(&file, one_packet_each_second(140)).unwrap();
    let tmux = Tmux::top(&format!("--pcap {} --speed 0.125", file.display()));
    // The next packet is due after 8 s, so the clock stands at the latest one for that long. Its number is known from the ledger.
    let at = |place: u64, head: &str| {
        tmux.until(&format!("{place} s"), |lines| {
            played(lines).is_some_and(|seconds| {
                (place..place + 7).contains(&seconds)
                    && lines[21].starts_with(&format!("{} packets = ", seconds + 1))
                    && lines[0].contains(head)
            })
        });
    };
    at(0, "x0.125");
    tmux.send(&[">"]);
    at(59, "x0.125");
    tmux.send(&[">"]);
    at(118, "x0.125");
    tmux.send(&["Space"]);
    at(118, "held");
    tmux.send(&["Left"]);
    at(107, "x0.125");
    tmux.send(&["<"]);
    at(46, "x0.125");
    tmux.send(&["Right"]);
    at(55, "x0.125");
}

/// Builds a capture of so many datagrams of one flow.
fn one_packet_each_second(count: u32) -> Vec<u8> {
    let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    octets.extend([0; 8]);
    octets.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    for second in 0..count {
        octets.extend((1_700_000_000 + second).to_le_bytes());
        octets.extend([0; 4]);
        octets.extend([60, 0, 0, 0, 60, 0, 0, 0]);
        octets.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        octets.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
        octets.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        octets.extend([0x20, 0, 0, 9, 0, 8, 0, 0]);
        octets.extend([0; 18]);
    }
    octets
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
