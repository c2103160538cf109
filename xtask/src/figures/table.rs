//! Tables of a benchmark's rows, in Markdown, with the comments that ask for charts.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

/// Columns that a chart shows, with their units. A table has a chart of the first one that it has.
const PLOTTED: [(&str, &str); 9] = [
    ("net_ns", "ns"),
    ("more_ns", "ns"),
    ("octets_per_flow", "octets"),
    ("mpps_by_cpu", "million packets/s"),
    ("m_records_s", "million records/s"),
    ("mb_s", "MB/s"),
    ("percent_of_bare", "%"),
    ("median_us", "us"),
    ("ms", "ms"),
];

/// A row as the benchmark prints it with `--json`.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    /// Columns and their figures, in the order of the text.
    figures: Vec<(String, f64)>,
    is_missed: bool,
    note: String,
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let parse = || -> Option<Self> {
            let row: Value = serde_json::from_str(line).ok()?;
            let row = row.as_object()?;
            let mut figures: Vec<(String, f64)> = row
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), value.as_f64()?)))
                .collect();
            figures.sort_by_key(|(key, _)| line.find(&format!("\"{key}\":")));
            Some(Self {
                name: row.get("row")?.as_str()?.to_owned(),
                figures,
                is_missed: row.get("target_met") == Some(&Value::Bool(false)),
                note: row
                    .get("note")
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .to_owned(),
            })
        };
        parse().with_context(|| format!("cannot read the row `{line}`"))
    }

    fn has_columns_of(&self, other: &Self) -> bool {
        let columns = |row: &Self| {
            row.figures
                .iter()
                .map(|(key, _)| key.clone())
                .collect::<Vec<_>>()
        };
        columns(self) == columns(other)
    }

    fn remark(&self) -> String {
        let missed = if self.is_missed { "goal missed" } else { "" };
        let both = [missed, &self.note];
        let both = both.into_iter().filter(|part| !part.is_empty());
        both.collect::<Vec<_>>().join("; ").replace('|', "\\|")
    }
}

/// Formats what a benchmark printed: a table for each set of columns, and a chart of the tables that have a column for it.
///
/// # Errors
/// A line that is no row.
pub(super) fn tables(bench: &str, printed: &str) -> Result<String> {
    let rows: Result<Vec<Row>> = printed.lines().map(Row::parse).collect();
    let rows = rows?;
    let mut tables = String::new();
    let mut charts = 0;
    for table in rows.chunk_by(Row::has_columns_of) {
        let has = |column: &str| table[0].figures.iter().any(|(key, _)| key == column);
        let plotted = PLOTTED.iter().find(|(column, _)| has(column));
        // A bar alone compares nothing.
        if let Some((column, unit)) = plotted.filter(|_| table.len() > 1) {
            charts += 1;
            let name = format!("{bench}-{charts}");
            let _ = write!(
                tables,
                "![bars of the column `{column}`](pictures/{name}.svg)\n\n<!-- chart {name}: {column} in {unit} -->\n\n"
            );
        }
        tables += &markdown(table);
        tables.push('\n');
    }
    Ok(tables)
}

fn markdown(table: &[Row]) -> String {
    let mut text = "| row |".to_owned();
    for (key, _) in &table[0].figures {
        let _ = write!(text, " {key} |");
    }
    text += " |\n|---|";
    text += &"---|".repeat(table[0].figures.len() + 1);
    text.push('\n');
    for row in table {
        let _ = write!(text, "| `{}` |", row.name);
        for (_, figure) in &row.figures {
            let decimals = if figure.abs() >= 1000.0 { 0 } else { 2 };
            let _ = write!(text, " {figure:.decimals$} |");
        }
        let _ = writeln!(text, " {} |", row.remark());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
{\"row\": \"tcp4\", \"ns\": 48.25, \"net_ns\": 22.0, \"target_met\": true}
{\"row\": \"udp4\", \"ns\": 1234.5, \"net_ns\": 31.126, \"target_met\": false, \"note\": \"a|b\"}
{\"row\": \"size\", \"verified\": 1000.0}
";

    #[test]
    fn rows_are_tables_with_a_chart_where_a_column_is_plotted() {
        let expected = "\
![bars of the column `net_ns`](pictures/kernel-1.svg)

<!-- chart kernel-1: net_ns in ns -->

| row | ns | net_ns | |
|---|---|---|---|
| `tcp4` | 48.25 | 22.00 |  |
| `udp4` | 1234 | 31.13 | goal missed; a\\|b |

| row | verified | |
|---|---|---|
| `size` | 1000 |  |

";
        assert_eq!(tables("kernel", PRINTED).ok().as_deref(), Some(expected));
    }

    #[test]
    fn line_that_is_no_row_is_an_error() {
        assert!(tables("kernel", "{\"ns\": 1}").is_err());
        assert!(tables("kernel", "error: no").is_err());
    }
}
