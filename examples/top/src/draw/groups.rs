//! Draws the list of interfaces, processes or names.

use ratatui::style::Style;

use super::{
    Canvas, View,
    amount::{amount, count, sign},
    first_shown,
};
use crate::state::Tab;

/// Columns of numbers and bars.
const NUMBERS: usize = 5 * 8 + 16;

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>) {
    let look = view.look;
    let column = canvas.width().saturating_sub(NUMBERS).max(12);
    let name = match view.state.tab {
        Tab::Processes => "process",
        Tab::Names => "name",
        Tab::Flows | Tab::Interfaces => "interface",
    };
    let heading = [name, "flows", "bytes/s", "bytes", "pkts/s", "packets"];
    let bold = look.title();
    put(canvas, 0, column, heading, bold);
    let lines = canvas.height().saturating_sub(1);
    let first = first_shown(view.state.cursor, lines);
    let shown = view.groups.iter().enumerate().skip(first).take(lines);
    for (line, (place, group)) in (1..).zip(shown) {
        let tally = &group.tally;
        let numbers = [
            count(group.flows),
            amount(tally.rate),
            count(tally.octets),
            amount(tally.packet_rate),
            count(tally.packets),
        ];
        let sign = sign(tally.is_estimate);
        let numbers = numbers.map(|number| format!("{sign}{number}"));
        let [flows, rate, octets, packet_rate, packets] = &numbers;
        let cells = [&*group.name, flows, rate, octets, packet_rate, packets];
        put(canvas, line, column, cells, Style::new());
        let bars = look.sparkline(tally.history.rates(), 15);
        canvas.put(line, column + NUMBERS - 15, &bars, look.bars());
        if place == view.state.cursor {
            canvas.shade(line, look.chosen());
        }
    }
}

fn put(canvas: &mut Canvas<'_>, line: usize, column: usize, cells: [&str; 6], style: Style) {
    let [name, numbers @ ..] = cells;
    let name: String = name.chars().take(column - 1).collect();
    canvas.put(line, 0, &name, style);
    for (place, number) in numbers.iter().enumerate() {
        canvas.put(line, column + place * 8, &format!("{number:>7}"), style);
    }
}
