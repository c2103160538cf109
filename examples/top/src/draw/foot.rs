//! The lines below the list, always in sight: the ledger, room and degradations, keys or the filter.

use std::fmt::Write as _;

use super::{
    Canvas, View,
    amount::{count, exact},
};

pub(super) fn draw(canvas: &mut Canvas<'_>, line: usize, view: &View<'_>) {
    canvas.put(line, 0, &ledger(view), view.look.title());
    room(canvas, line + 1, view);
    keys(canvas, line + 2, view);
}

/// Packets that were counted: in flows and under each reason.
fn ledger(view: &View<'_>) -> String {
    let stats = &view.status.stats;
    let ignored = stats.ignored();
    let apart: u64 = ignored.iter().map(|found| found.packets).sum();
    let mut text = format!(
        "{} packets = {} in flows + {} in none",
        exact(stats.packets),
        exact(stats.packets.saturating_sub(apart)),
        exact(apart),
    );
    for (place, found) in ignored
        .iter()
        .filter(|found| found.packets != 0)
        .enumerate()
    {
        let before = if place == 0 { ": " } else { ", " };
        let _ = write!(text, "{before}{} {}", found.reason, count(found.packets));
    }
    text
}

/// How full the table is, what found no room, and what the host lacks.
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
    if let Some(failure) = &view.status.failure {
        canvas.put(line, column, failure, look.fault());
    } else if let [first, rest @ ..] = &view.status.degradations[..] {
        let more = if rest.is_empty() {
            String::new()
        } else {
            format!(" (+{})", rest.len())
        };
        canvas.put(line, column, &format!("!{more} {first}"), look.warning());
    } else {
        canvas.put(line, column, "no degradation", look.faint());
    }
}

fn keys(canvas: &mut Canvas<'_>, line: usize, view: &View<'_>) {
    let (look, state) = (view.look, view.state);
    if state.is_typing {
        let filter = format!("/{}", state.filter);
        canvas.put(line, 0, &filter, look.title());
        canvas.put(line, filter.chars().count(), " ", look.chosen());
        let column = filter.chars().count() + 2;
        if let Some(fault) = &state.fault {
            canvas.put(line, column, fault, look.fault());
        } else {
            let wanted = exact(view.wanted as u64);
            let text = format!("{wanted} flows; enter keeps it, esc drops it");
            canvas.put(line, column, &text, look.faint());
        }
        return;
    }
    let text = if view.status.playback.is_some() {
        "q quit  ? help  / filter  enter details  space hold  <- -> 10 s  +- speed  0 anew"
    } else {
        "q quit  ? help  / filter  enter details  tab list  r b p t order  space hold"
    };
    canvas.put(line, 0, text, look.faint());
}
