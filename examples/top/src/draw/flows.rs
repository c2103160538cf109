//! Draws the list of flows.

use mermin_core::flow::Endpoint;
use ratatui::style::Style;

use super::{
    Canvas, View,
    amount::{amount, count},
    first_shown,
    look::Look,
};
use crate::model::{Row, rank::Sort};

/// Columns of a sparkline.
const BARS: usize = 8;
/// Columns from which on octets, packets and the interface are all shown.
const WIDE: usize = 110;
const PROTOCOL: usize = 9;
const NUMBER: usize = 7;

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>) {
    let columns = Columns::of(canvas.width(), view.state.sort);
    let look = view.look;
    columns.draw(canvas, 0, &columns.heading(), look.title(), look.title());
    let lines = canvas.height().saturating_sub(1);
    let first = first_shown(view.state.cursor, lines);
    let shown = view.flows.iter().enumerate().skip(first).take(lines);
    for (line, (place, row)) in (1..).zip(shown) {
        let style = if row.has_ended {
            look.faint()
        } else {
            Style::new()
        };
        let bars = look.bars();
        columns.draw(canvas, line, &columns.cells(row, look), style, bars);
        if place == view.state.cursor {
            canvas.shade(line, look.chosen());
        }
    }
    if view.flows.is_empty() && lines > 0 {
        let text = if view.state.expression.is_empty() {
            "no flow yet"
        } else {
            "no flow that the filter admits"
        };
        canvas.put(1, 2, text, look.faint());
    }
}

/// Cells of a line: protocol, endpoints, interface, numbers, bars.
struct Cells {
    protocol: String,
    ends: [String; 2],
    interface: String,
    numbers: Vec<String>,
    bars: String,
}

/// Positions of the cells.
struct Columns {
    sort: Sort,
    is_wide: bool,
    end: usize,
}

impl Columns {
    fn of(width: usize, sort: Sort) -> Self {
        let is_wide = width >= WIDE;
        let numbers = if is_wide { 4 } else { 2 };
        let interface = if is_wide { 11 } else { 0 };
        let rest = PROTOCOL + interface + numbers * (NUMBER + 1) + BARS + 1;
        Self {
            sort,
            is_wide,
            end: (width.saturating_sub(rest) / 2).saturating_sub(1),
        }
    }

    fn heading(&self) -> Cells {
        let numbers: &[&str] = match (self.is_wide, self.sort) {
            (true, _) => &["bytes/s", "bytes", "pkts/s", "packets"],
            (false, Sort::Rate | Sort::Octets) => &["bytes/s", "bytes"],
            (false, Sort::Packets | Sort::PacketRate) => &["pkts/s", "packets"],
        };
        Cells {
            protocol: "proto".to_owned(),
            ends: ["source", "destination"].map(str::to_owned),
            interface: "interface".to_owned(),
            numbers: numbers.iter().map(|&name| name.to_owned()).collect(),
            bars: "history".to_owned(),
        }
    }

    fn cells(&self, row: &Row, look: Look) -> Cells {
        let tally = &row.tally;
        let octets = [amount(tally.rate), count(tally.octets)];
        let packets = [amount(tally.packet_rate), count(tally.packets)];
        let numbers = match (self.is_wide, self.sort) {
            (true, _) => [octets, packets].concat(),
            (false, Sort::Rate | Sort::Octets) => octets.to_vec(),
            (false, Sort::Packets | Sort::PacketRate) => packets.to_vec(),
        };
        let flow = &row.flow;
        Cells {
            protocol: flow.protocol.to_string(),
            ends: [flow.source, flow.destination].map(|end| shortened(&end, self.end, look)),
            interface: flow.interface.name.to_string(),
            numbers,
            bars: look.sparkline(tally.history.rates(), BARS),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, line: usize, cells: &Cells, style: Style, bars: Style) {
        let protocol: String = cells.protocol.chars().take(PROTOCOL - 1).collect();
        canvas.put(line, 0, &protocol, style);
        let mut column = PROTOCOL;
        for end in &cells.ends {
            canvas.put(line, column, end, style);
            column += self.end + 1;
        }
        if self.is_wide {
            let interface: String = cells.interface.chars().take(10).collect();
            canvas.put(line, column, &interface, style);
            column += 11;
        }
        for number in &cells.numbers {
            canvas.put(line, column, &format!("{number:>NUMBER$}"), style);
            column += NUMBER + 1;
        }
        canvas.put(line, column, &cells.bars, bars);
    }
}

/// Formats an endpoint. The middle of a long address is omitted, so network and port stay visible.
fn shortened(end: &Endpoint, most: usize, look: Look) -> String {
    let text = end.to_string();
    if text.len() <= most {
        return text;
    }
    let tail = (most / 2).max(8).min(most.saturating_sub(1));
    let head = most.saturating_sub(tail + 1);
    format!(
        "{}{}{}",
        &text[..head],
        look.gap(),
        &text[text.len() - tail.min(text.len())..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_endpoint_is_shortened_in_the_middle() {
        let end = Endpoint::new([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6], 443);
        let look = Look::default();
        assert_eq!(shortened(&end, 40, look), "[2001:db8:1:2:3:4:5:6]:443");
        let short = shortened(&end, 20, look);
        assert_eq!(short, "[2001:db8…4:5:6]:443");
        assert_eq!(
            shortened(
                &end,
                20,
                Look {
                    is_ascii: true,
                    ..look
                }
            )
            .len(),
            20
        );
        for most in 0..30 {
            assert!(shortened(&end, most, look).chars().count() <= most.max(1));
        }
    }
}
