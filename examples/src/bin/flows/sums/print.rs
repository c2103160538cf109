//! Groups in each format.

use std::io::{self, Write};

use mermin_core::flow::attributes::{ALL, Kind};
use mermin_examples::json::quoted;
use mermin_program::visible;

use super::groups::{Group, Groups, Sum};
use crate::{args::Format, csv_rows::of_writer};

/// Columns behind the keys.
const SUMS: [&str; 3] = ["flows", "packets", "octets"];

impl Groups {
    /// Writes the groups with the most octets first; where there is a limit, the sum of all others comes last.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn print(
        self,
        top: Option<usize>,
        format: Format,
        out: impl Write,
    ) -> io::Result<()> {
        let keys = self.keys().to_vec();
        let (groups, others) = self.into_ranked(top);
        match format {
            Format::Plain => plain(&keys, &groups, others, out),
            Format::Json => json(&keys, &groups, others, out),
            Format::Csv => csv(&keys, &groups, others, out),
        }
    }
}

fn numbers(sum: Sum) -> [String; 3] {
    [sum.flows, sum.packets, sum.octets].map(|number| number.to_string())
}

fn plain(
    keys: &[&str],
    groups: &[Group],
    others: Option<Sum>,
    mut out: impl Write,
) -> io::Result<()> {
    let cells = |values: &[String], sum: Sum| {
        // A value that is not known, as a field that is not there in the formats of `ss` and `nfdump`.
        let shown = |value: &String| {
            if value.is_empty() {
                "-".to_owned()
            } else {
                visible(value).into_owned()
            }
        };
        let mark = if sum.is_estimate { "~" } else { "" };
        let sums = numbers(sum).map(|number| format!("{mark}{number}"));
        values.iter().map(shown).chain(sums).collect()
    };
    let head = keys.iter().chain(&SUMS).map(|name| (*name).to_owned());
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    rows.extend(groups.iter().map(|(values, sum)| cells(values, *sum)));
    if let Some(sum) = others {
        let mut values = vec![String::new(); keys.len()];
        "(others)".clone_into(&mut values[0]);
        rows.push(cells(&values, sum));
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..keys.len() + SUMS.len()).filter_map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padded = if place < keys.len() {
                format!("{cell:<width$}  ")
            } else {
                format!("{cell:>width$}  ")
            };
            line += &padded;
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

/// One object per line. The sum of all others has no key.
fn json(
    keys: &[&str],
    groups: &[Group],
    others: Option<Sum>,
    mut out: impl Write,
) -> io::Result<()> {
    let mut object = |values: &[String], sum: Sum| {
        let known = keys
            .iter()
            .zip(values)
            .filter(|(_, value)| !value.is_empty());
        let known = known.map(|(key, value)| match kind(key) {
            Some(Kind::Number) => format!("\"{key}\":{value}"),
            _ => format!("\"{key}\":{}", quoted(value)),
        });
        let sums = SUMS.iter().zip(numbers(sum));
        let sums = sums.map(|(name, number)| format!("\"{name}\":{number}"));
        let members: Vec<String> = known.chain(sums).collect();
        writeln!(out, "{{{}}}", members.join(","))
    };
    for (values, sum) in groups {
        object(values, *sum)?;
    }
    if let Some(sum) = others {
        object(&[], sum)?;
    }
    out.flush()
}

fn kind(name: &str) -> Option<Kind> {
    let found = ALL.iter().find(|attribute| attribute.name == name);
    found.map(|attribute| attribute.kind)
}

/// The sum of all others has no values.
fn csv(keys: &[&str], groups: &[Group], others: Option<Sum>, out: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let names = keys.iter().chain(&SUMS);
    writer.write_record(names).map_err(of_writer)?;
    let nothing = vec![String::new(); keys.len()];
    let others = others.map(|sum| (&*nothing, sum));
    for (values, sum) in groups
        .iter()
        .map(|(values, sum)| (&**values, *sum))
        .chain(others)
    {
        let row = values.iter().cloned().chain(numbers(sum));
        let row: Vec<String> = row.collect();
        writer.write_record(&row).map_err(of_writer)?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::{super::groups::tests::flow, *};

    fn printed(format: Format) -> String {
        let mut groups = Groups::new(vec!["source.address", "network.interface.name"]);
        for (number, octets) in [(1, 10), (22, 100), (3, 1)] {
            groups.add(&flow(number, octets));
        }
        let mut out = Vec::new();
        groups.print(Some(2), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn value_cannot_forge_a_row_or_command_a_terminal() {
        let mut groups = Groups::new(vec!["network.interface.name"]);
        let mut forged = flow(1, 10);
        forged.interface.name = "x\u{1b}[2J\ny".into();
        groups.add(&forged);
        let mut out = Vec::new();
        groups.print(None, Format::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(r"x\u{1b}[2J\ny"), "{text}");
    }

    #[test]
    fn estimate_has_a_mark() {
        let mut groups = Groups::new(vec!["network.transport"]);
        let mut sampled = flow(1, 100);
        sampled.sampling_interval = std::num::NonZeroU32::new(8);
        groups.add(&sampled);
        let mut out = Vec::new();
        groups.print(None, Format::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("~8       ~8    ~800\n"), "{text}");
    }

    #[test]
    fn each_form_has_all_groups_and_the_others() {
        assert_eq!(
            printed(Format::Plain),
            "source.address  network.interface.name  flows  packets  octets\n\
             10.0.0.22       eth0                        1        1     100\n\
             10.0.0.1        eth0                        1        1      10\n\
             (others)        -                           1        1       1\n"
        );
        assert_eq!(
            printed(Format::Csv),
            "source.address,network.interface.name,flows,packets,octets\n\
             10.0.0.22,eth0,1,1,100\n10.0.0.1,eth0,1,1,10\n,,1,1,1\n"
        );
        let json = printed(Format::Json);
        let lines: Vec<serde_json::Value> = json
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["source.address"], "10.0.0.22");
        assert_eq!(
            lines[2],
            serde_json::json!({"flows": 1, "packets": 1, "octets": 1})
        );
    }
}
