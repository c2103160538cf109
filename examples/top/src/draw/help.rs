//! Draws the list of keys.

use ratatui::style::Style;

use super::Canvas;

const LINES: [&str; 15] = [
    "tab          next list: flows, interfaces, and with `--with process,names` those",
    "r b p t      order by rate, bytes, packets, packet rate; i: the least first",
    "up, down     choose a row; page up, page down, home and end do too",
    "enter        show all attributes of the flow; esc goes back",
    "/            filter as you type: terms with `and`, `or`, `not`, parentheses",
    "             port 443 and not net 10.0.0.0/8",
    "             port=443 transport!=udp interface_name=eth*",
    "             source.port=8000-8999 flow.connection_state=established",
    "esc          remove the filter",
    "!            show all degradations, and all reasons of packets in no record",
    "space        hold the list, or the capture; again: continue",
    "q, ctrl-c    quit",
    "With a capture file:",
    "left, right  10 s back, 10 s ahead; < >: a minute; 0: from the beginning",
    "+ -          twice as fast, half as fast",
];

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    for (line, text) in LINES.iter().enumerate() {
        canvas.put(line, 0, text, Style::new());
    }
}
