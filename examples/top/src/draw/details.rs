//! Draws all attributes of one flow.

use humantime::format_rfc3339_millis;
use mermin_core::flow::Value;
use ratatui::style::Style;

use super::{Canvas, View, wrap::wrap};
use crate::{model::Row, state::Details};

/// Columns for names: the longest one and a space.
const NAME: usize = 42;
/// Columns that values have before names are cut.
const VALUE: usize = 20;

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
    let height = canvas.height().saturating_sub(1);
    let column = column(canvas.width());
    let lines = lines(row, canvas.width());
    let scroll = chosen.scroll.min(lines.len().saturating_sub(height));
    let shown = lines.iter().skip(scroll).take(height);
    for (line, (name, value)) in (1..).zip(shown) {
        let name: String = name.chars().take(column.saturating_sub(1)).collect();
        canvas.put(line, 0, &name, look.faint());
        canvas.put(line, column, value, Style::new());
    }
}

/// Returns the column of values.
fn column(width: usize) -> usize {
    NAME.min(width.saturating_sub(VALUE))
}

/// Returns the lines of all attributes: the name on the first line of a value, and the value on as many as it takes.
fn lines(row: &Row, width: usize) -> Vec<(&str, String)> {
    let mut lines = Vec::new();
    for (name, value) in row.flow.attributes() {
        let value = wrap(&text(&value), width - column(width));
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        lines.extend(names.zip(value));
    }
    lines
}

/// Returns the scroll position at which the last line is at the bottom.
pub(super) fn last_scroll(row: &Row, width: usize, height: usize) -> usize {
    let lines = lines(row, width).len();
    lines.saturating_sub(height.saturating_sub(1))
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
