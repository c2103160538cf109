//! Bars of the figures in a table of docs/PERFORMANCE.md, so that a picture and its table cannot differ.
//!
//! Drawn with the parts that drawings and recordings are made of: a bar is a rectangle between two texts, light or dark as the reader's
//! browser asks. A plotting library would bring axes and fonts instead.
//!
//! A comment above the table asks for it: `<!-- chart NAME: COLUMN in UNIT -->`, by the heading of a column.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::svg::{self, CELL};

const STYLE: &str = ".b{fill:#fff}text{fill:#1f2328}.v{fill:#0969da}\
@media(prefers-color-scheme:dark){.b{fill:#0d1117}text{fill:#e6edf3}.v{fill:#4493f8}}";
/// Columns of the longest bar.
const LONGEST: usize = 50;

/// Figures with a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    pub(super) name: String,
    unit: String,
    bars: Vec<Bar>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    label: String,
    /// As it is written.
    figure: String,
    hundredths: usize,
}

/// The charts that a document asks for.
///
/// # Errors
/// A comment without a table below it, or a table without the column.
pub(super) fn charts(document: &str) -> Result<Vec<Chart>> {
    let mut charts = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let asked = line
            .strip_prefix("<!-- chart ")
            .and_then(|it| it.strip_suffix(" -->"));
        if let Some(asked) = asked {
            let rest = lines.clone().skip_while(|line| line.is_empty());
            let table: Vec<&str> = rest.take_while(|line| line.starts_with('|')).collect();
            charts.push(chart(asked, &table).with_context(|| format!("cannot draw `{line}`"))?);
        }
    }
    Ok(charts)
}

fn chart(asked: &str, table: &[&str]) -> Result<Chart> {
    let (name, rest) = asked.split_once(": ").context("there is no name")?;
    let (column, unit) = rest.split_once(" in ").context("there is no unit")?;
    let [head, _, rows @ ..] = table else {
        bail!("there is no table below it");
    };
    let place = cells(head).position(|cell| cell == column);
    let place = place.with_context(|| format!("the table has no column `{column}`"))?;
    let bars = rows.iter().filter_map(|row| {
        let cells: Vec<&str> = cells(row).collect();
        let figure = cells.get(place)?.split(' ').next()?;
        Some(Bar {
            label: cells.first()?.replace('`', ""),
            figure: figure.to_owned(),
            hundredths: hundredths(figure)?,
        })
    });
    Ok(Chart {
        name: name.to_owned(),
        unit: unit.to_owned(),
        bars: bars.collect(),
    })
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim_matches('|').split('|').map(str::trim)
}

fn hundredths(number: &str) -> Option<usize> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals: usize = format!("{decimals:0<2}").get(..2)?.parse().ok()?;
    Some(whole.parse::<usize>().ok()? * 100 + decimals)
}

impl Chart {
    /// Draws it.
    pub(super) fn svg(&self) -> String {
        let length = |bar: &Bar| bar.label.chars().count();
        let left = self.bars.iter().map(length).max().unwrap_or(0) + 2;
        let most = self.bars.iter().map(|bar| bar.hundredths).max();
        let most = most.unwrap_or(1).max(1);
        let mut body = String::new();
        for (row, bar) in self.bars.iter().enumerate() {
            let width = (LONGEST * CELL.0 * bar.hundredths / most).max(1);
            let (x, y) = (svg::x(left), svg::y(row) - 6);
            body += &svg::text(left - 2 - length(bar), row, "", &bar.label);
            let _ = writeln!(
                body,
                "<rect class=\"v\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"12\"/>"
            );
            let figure = format!("{} {}", bar.figure, self.unit);
            body += &svg::text(left + width.div_ceil(CELL.0) + 1, row, "", &figure);
        }
        let columns = left + LONGEST + self.unit.chars().count() + 8;
        svg::document(columns, self.bars.len(), STYLE, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "text\n<!-- chart cost: now in ns -->\n\n| row | now |\n|---|---|\n| `a` b | 1.52 (goal 3) |\n| c | 20 |\n| d | |\n\ntext\n";

    #[test]
    fn figures_are_those_of_the_column() {
        let charts = charts(DOCUMENT).unwrap_or_default();
        let bar = |label: &str, figure: &str, hundredths| Bar {
            label: label.to_owned(),
            figure: figure.to_owned(),
            hundredths,
        };
        assert_eq!(charts.len(), 1);
        assert_eq!(charts[0].name, "cost");
        assert_eq!(
            charts[0].bars,
            [bar("a b", "1.52", 152), bar("c", "20", 2000)]
        );
        let drawn = charts[0].svg();
        assert!(
            drawn.contains(">1.52 ns</text>") && drawn.contains("width=\"400\""),
            "{drawn}"
        );
    }

    #[test]
    fn missing_column_is_an_error() {
        for document in [
            DOCUMENT.replace(": now", ": then"),
            "<!-- chart cost: now in ns -->\n".to_owned(),
        ] {
            assert!(charts(&document).is_err(), "{document}");
        }
    }
}
