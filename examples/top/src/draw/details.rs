//! Draws all attributes of one flow.

use humantime::format_rfc3339_millis;
use mermin_core::flow::Value;
use ratatui::style::Style;

use super::{Canvas, View};
use crate::{model::Row, state::Details};

/// Columns for names.
const NAME: usize = 36;

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View<'_>, chosen: Details) {
    let look = view.look;
    let Some(row) = view.model.row(chosen.flow) else {
        canvas.put(
            0,
            0,
            "this flow has ended, and its record is gone; esc goes back",
            look.faint(),
        );
        return;
    };
    canvas.put(0, 0, &row.flow.to_string(), look.title());
    let lines = canvas.height().saturating_sub(1);
    let scroll = chosen.scroll.min(last_scroll(row, canvas.height()));
    let shown = row.flow.attributes().skip(scroll).take(lines);
    for (line, (name, value)) in (1..).zip(shown) {
        canvas.put(line, 0, name, look.faint());
        canvas.put(line, NAME, &text(&value), Style::new());
    }
}

/// Returns the scroll position at which the last line is at the bottom.
pub(super) fn last_scroll(row: &Row, height: usize) -> usize {
    let attributes = row.flow.attributes().count();
    attributes.saturating_sub(height.saturating_sub(1))
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Texts(texts) => joined(texts.clone()),
        Value::Number(number) => number.to_string(),
        Value::Numbers(numbers) => joined(numbers.clone()),
        Value::Time(time) => format_rfc3339_millis(*time).to_string(),
        other => format!("{other:?}"),
    }
}

fn joined(items: impl Iterator<Item: ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    items.join(", ")
}
