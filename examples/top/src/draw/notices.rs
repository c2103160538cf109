//! Draws all degradations and all reasons of the ledger, which the lines below the list shorten.

use mermin_core::{Stats, report::Ignored};
use ratatui::style::Style;

use super::{Canvas, Status, View, amount::exact, look::Look, wrap::wrap};

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>, scroll: usize) {
    let lines = lines(view.status, canvas.width(), view.look);
    let scroll = scroll.min(lines.len().saturating_sub(canvas.height()));
    let shown = lines.iter().skip(scroll).take(canvas.height());
    for (line, (text, style)) in shown.enumerate() {
        canvas.put(line, 0, text, *style);
    }
}

/// Returns the scroll position at which the last line is at the bottom.
pub(super) fn last_scroll(status: &Status, width: usize, height: usize) -> usize {
    let lines = lines(status, width, Look::default());
    lines.len().saturating_sub(height)
}

fn lines(status: &Status, width: usize, look: Look) -> Vec<(String, Style)> {
    let mut lines = Vec::new();
    let mut say = |text: &str, style| {
        let wrapped = wrap(text, width).into_iter();
        lines.extend(wrapped.map(|line| (line, style)));
    };
    say("Degradations", look.title());
    for degradation in &status.degradations {
        say(&format!("! {degradation}"), look.warning());
    }
    if status.degradations.is_empty() {
        say("none", look.faint());
    }
    say("", Style::new());
    say("Packets in no record", look.title());
    let reasons = reasons(&status.stats);
    for reason in &reasons {
        say(reason, Style::new());
    }
    if reasons.is_empty() {
        say("none", look.faint());
    }
    lines
}

fn reasons(stats: &Stats) -> Vec<String> {
    let ignored = stats.ignored();
    let found = ignored.iter().filter(|found| found.packets != 0);
    let line = |found: &Ignored| {
        let packets = exact(found.packets);
        format!("{packets} {}: {}", found.reason, found.meaning())
    };
    found.map(line).collect()
}
