//! Draws the lines below the list, which are always visible: a failure, the ledger, table use and degradations, keys
//! or the filter.

use std::fmt::Write as _;

use super::{
    Canvas, Status, View,
    amount::{count, exact},
};

/// Keys for flows of this host.
const LIVE_KEYS: &str =
    "q quit  ? help  / filter  enter details  tab list  r b p t order  space hold";
/// Keys for a capture.
const CAPTURE_KEYS: &str =
    "q quit  ? help  / filter  enter details  tab list  space hold  <> seek  +- speed";

/// Returns the number of these lines.
pub(super) fn height(status: &Status) -> usize {
    3 + usize::from(status.failure.is_some())
}

pub(super) fn draw(canvas: &mut Canvas<'_>, mut line: usize, view: &View<'_>) {
    if let Some(failure) = &view.status.failure {
        canvas.put(line, 0, failure, view.look.fault());
        line += 1;
    }
    let width = canvas.width();
    canvas.put(line, 0, &ledger(view, width), view.look.title());
    room(canvas, line + 1, view);
    keys(canvas, line + 2, view);
}

/// Formats the counted packets: those in flows and those under each reason. Reasons that do not fit are left out, the last ones first.
fn ledger(view: &View<'_>, width: usize) -> String {
    let stats = &view.status.stats;
    let ignored = stats.ignored();
    let apart: u64 = ignored.iter().map(|found| found.packets).sum();
    let mut text = format!(
        "{} packets = {} in flows + {} in none",
        exact(stats.packets),
        exact(stats.packets.saturating_sub(apart)),
        exact(apart),
    );
    let mut reasons = ignored
        .iter()
        .filter(|found| found.packets != 0)
        .map(|found| format!("{} {}", found.reason, count(found.packets)))
        .peekable();
    let gap = view.look.gap();
    let mut before = ": ";
    while let Some(reason) = reasons.next() {
        let mark = reasons.peek().map_or(0, |_| ", ".len() + 1);
        let room = width.saturating_sub(text.chars().count() + before.len());
        if reason.len() + mark > room {
            text = text + before + gap;
            break;
        }
        text = text + before + &reason;
        before = ", ";
    }
    text
}

/// Draws the use of the table, flows that did not fit, and degradations.
fn room(canvas: &mut Canvas<'_>, line: usize, view: &View<'_>) {
    let (look, stats) = (view.look, &view.status.stats);
    let full: u64 = stats
        .ignored()
        .iter()
        .filter(|found| found.reason == "table_full")
        .map(|found| found.packets)
        .sum();
    let mut text = format!(
        "table {}/{}",
        count(stats.flows_open),
        count(stats.flows_capacity)
    );
    if full != 0 {
        let _ = write!(text, ", {} packets found it full", count(full));
    }
    for (number, what) in [
        (stats.flows_unjoined, "flows not joined"),
        (stats.lookups_missed, "look-ups missed"),
    ] {
        if number != 0 {
            let _ = write!(text, ", {} {what}", count(number));
        }
    }
    let style = if text.contains(',') {
        look.fault()
    } else {
        look.faint()
    };
    canvas.put(line, 0, &text, style);
    let column = text.len() + 2;
    if let [first, rest @ ..] = &view.status.degradations[..] {
        let more = if rest.is_empty() {
            String::new()
        } else {
            format!(" (+{})", rest.len())
        };
        let text = format!("!{more} {first}");
        let room = canvas.width().saturating_sub(column);
        canvas.put(line, column, &head(&text, room, look.gap()), look.warning());
    } else {
        canvas.put(line, column, "no degradation", look.faint());
    }
}

fn keys(canvas: &mut Canvas<'_>, line: usize, view: &View<'_>) {
    let look = view.look;
    if view.state.is_typing {
        return filter(canvas, line, view);
    }
    let text = if view.status.playback.is_some() {
        CAPTURE_KEYS
    } else {
        LIVE_KEYS
    };
    canvas.put(line, 0, text, look.faint());
}

/// Draws the filter's text, a cursor, and its error or its effect.
fn filter(canvas: &mut Canvas<'_>, line: usize, view: &View<'_>) {
    let (look, state) = (view.look, view.state);
    let (said, style) = match &state.fault {
        Some(fault) => (fault.clone(), look.fault()),
        None => (
            format!(
                "{} flows; enter keeps it, esc drops it",
                exact(view.wanted as u64)
            ),
            look.faint(),
        ),
    };
    let half = canvas.width() / 2;
    // The slash, the cursor and the space behind it.
    let room = canvas.width().saturating_sub(3);
    let room = room.saturating_sub(said.chars().count().min(half));
    let filter = format!("/{}", tail(&state.filter, room, look.gap()));
    let column = filter.chars().count();
    canvas.put(line, 0, &filter, look.title());
    canvas.put(line, column, " ", look.chosen());
    canvas.put(line, column + 2, &said, style);
}

/// Returns the first characters of a text.
fn head(text: &str, room: usize, gap: &str) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let fitting = text.chars().take(room.saturating_sub(1));
    fitting.chain(gap.chars()).collect()
}

/// Returns the last characters of a text, where the user writes.
fn tail(text: &str, room: usize, gap: &str) -> String {
    let count = text.chars().count();
    if count <= room {
        return text.to_owned();
    }
    let left_out = (count + 1).saturating_sub(room);
    gap.chars().chain(text.chars().skip(left_out)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_80_columns() {
        for keys in [LIVE_KEYS, CAPTURE_KEYS] {
            assert!(keys.len() <= 80, "{keys}");
        }
    }

    #[test]
    fn cut_text_ends_in_a_mark() {
        assert_eq!(head("! no TCX", 8, "~"), "! no TCX");
        assert_eq!(head("! no TCX", 7, "~"), "! no T~");
        assert_eq!(head("! no TCX", 1, "~"), "~");
    }

    #[test]
    fn long_text_shows_its_end() {
        assert_eq!(tail("port=443", 8, "~"), "port=443");
        assert_eq!(tail("port=443", 7, "~"), "~rt=443");
        assert_eq!(tail("port=443", 1, "~"), "~");
    }
}
