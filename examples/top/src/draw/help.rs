//! Draws the list of keys.

use ratatui::style::Style;

use super::{Canvas, View};

const LINES: [&str; 15] = [
    "tab          flows, interfaces, processes (with `process = true` in a file)",
    "r b p t      order by rate, bytes, packets, packet rate; i: the least first",
    "up, down     choose; page up, page down, home, end as well",
    "enter        everything that is known of a flow; esc goes back",
    "/            filter as you type, in the words of a configuration's filters:",
    "             KEY=ITEM,.. or KEY!=ITEM,..; all terms must hold",
    "             port=443 address=10.0.0.0/8 transport!=udp interface_name=eth*",
    "             source.port=8000-8999 flow.connection_state=established",
    "esc          drops the filter",
    "space        holds the picture, or the capture",
    "q, ctrl-c    quits",
    "of a capture:",
    "left, right  10 s back and on; < > a minute; 0 from the beginning",
    "+ -          twice as fast, half as fast",
    "",
];

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>) {
    for (line, text) in LINES.iter().enumerate() {
        canvas.put(line, 0, text, Style::new());
    }
    let rest = view.status.degradations.iter();
    for (line, text) in (LINES.len()..).zip(rest) {
        canvas.put(line, 0, &format!("! {text}"), view.look.warning());
    }
}
