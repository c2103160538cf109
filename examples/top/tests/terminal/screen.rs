//! The screen while keys are pressed and the window is resized.

use crate::tmux::{Tmux, mixed, top};

/// Starts the view of a whole capture, which stays.
fn whole() -> Tmux {
    let tmux = Tmux::top(&format!("--pcap {} --speed max", mixed()));
    tmux.until_shown("ended");
    tmux
}

fn flows(lines: &[String]) -> usize {
    lines[3..21].iter().filter(|line| !line.is_empty()).count()
}

pub(crate) fn filter() {
    let tmux = whole();
    let lines = tmux.lines();
    let all = flows(&lines);
    assert!(all > 1, "{lines:#?}");
    tmux.send(&["/"]);
    tmux.send(&["-l", "port=443"]);
    let lines = tmux.until("flows of the port", |lines| {
        lines[23].starts_with("/port=443") && flows(lines) < all
    });
    assert!(
        lines[3..21]
            .iter()
            .all(|line| line.is_empty() || line.contains(":443")),
        "{lines:#?}"
    );
    // An incomplete filter changes only the message.
    tmux.send(&["-l", " transp"]);
    let lines = tmux.until_shown("cannot use `transp`");
    assert!(lines[3].contains(":443"), "{lines:#?}");
    tmux.send(&["-l", "ort!=tcp"]);
    tmux.until_shown("no flow that the filter admits");
    tmux.send(&["Escape"]);
    tmux.until("all flows", |lines| {
        flows(lines) == all && lines[23].starts_with("q quit")
    });
}

pub(crate) fn details() {
    let tmux = whole();
    tmux.send(&["p"]);
    tmux.until_shown("by packets");
    tmux.send(&["Enter"]);
    let lines = tmux.until_shown("flow.id");
    assert!(
        lines[2].contains("tcp 192.0.2.1:40000 -> 198.51.100.2:443"),
        "{lines:#?}"
    );
    tmux.send(&["End"]);
    tmux.until("the last facts", |lines| {
        !lines.iter().any(|line| line.contains("flow.id"))
    });
    tmux.send(&["Escape", "Tab"]);
    let lines = tmux.until("interfaces", |lines| lines[2].starts_with("interface "));
    assert!(lines[3].starts_with("pcap "), "{lines:#?}");
    tmux.send(&["?"]);
    tmux.until_shown("half as fast");
    tmux.send(&["Tab"]);
    tmux.until("interfaces again", |lines| {
        lines[2].starts_with("interface ")
    });
}

pub(crate) fn resize() {
    let tmux = whole();
    for (columns, lines) in [(120, 40), (40, 10), (20, 4), (1, 1), (80, 24)] {
        tmux.resize(columns, lines);
        let head = "top  mixed.pcap"[..usize::from(columns).min(15)].to_owned();
        tmux.until("the first line", |shown| {
            // On a screen with few lines, only the lines below the list are left.
            shown.len() == usize::from(lines) && (lines < 5 || shown[0].starts_with(&head))
        });
    }
    let lines = tmux.until("all of it", |lines| lines[23].starts_with("q quit"));
    assert!(lines[21].contains(" in flows + "), "{lines:#?}");
    tmux.resize(120, 30);
    tmux.until("the wide list", |lines| lines[2].contains("interface"));
}

pub(crate) fn colour() {
    let sets_colour = |escapes: &str| {
        let set = escapes
            .split('\u{1b}')
            .filter_map(|part| part.strip_prefix('['));
        set.filter_map(|part| part.split_once('m'))
            .flat_map(|(numbers, _)| numbers.split(';'))
            .any(|number| {
                number
                    .parse()
                    .is_ok_and(|number: u32| (30..=38).contains(&number))
            })
    };
    let coloured = whole();
    assert!(sets_colour(&coloured.escapes()), "{:?}", coloured.escapes());
    let plain = Tmux::start(&format!(
        "NO_COLOR=1 LANG=C.UTF-8 {} --pcap {} --speed max",
        top(),
        mixed()
    ));
    plain.until_shown("ended");
    assert!(!sets_colour(&plain.escapes()), "{:?}", plain.escapes());
}
