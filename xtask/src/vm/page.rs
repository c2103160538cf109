//! Writes `docs/KERNELS.md`, the results of each kernel.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use anyhow::{Context, Result};

use super::{Tried, kernels::Expected};
use crate::project;

const PAGE: &str = "docs/KERNELS.md";
/// The command writes the table below this line.
const MARK: &str = "<!-- written by `cargo xtask kernel-test --vm` -->\n";

pub(super) fn write(tried: &[Tried]) -> Result<()> {
    let path = project::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read `{PAGE}`"))?;
    let (words, _) = page
        .split_once(MARK)
        .with_context(|| format!("cannot find the mark in `{PAGE}`"))?;
    fs::write(&path, format!("{words}{MARK}\n{}", tables(tried)))
        .with_context(|| format!("cannot write `{PAGE}`"))?;
    println!("{PAGE} is written");
    Ok(())
}

fn tables(tried: &[Tried]) -> String {
    let mut text = String::from(
        "| kernel | what must come out | passed | failed | skipped |\n|---|---|---|---|---|\n",
    );
    for Tried {
        kernel,
        release,
        outcome,
    } in tried
    {
        let expected = match kernel.expected {
            Expected::Refused => "refused by name",
            Expected::Tc => "tc; no TCX",
            Expected::Tcx => "TCX and tc",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {release} | {expected} | {} | {} | {} |",
            outcome.passed.len(),
            outcome.failed.len(),
            outcome.skipped.len()
        );
    }
    let programs: BTreeSet<&String> = tried
        .iter()
        .flat_map(|tried| tried.outcome.verified.keys())
        .collect();
    let loaded: Vec<&Tried> = tried
        .iter()
        .filter(|tried| !tried.outcome.verified.is_empty())
        .collect();
    text += "\nInstructions that the verifier walks through, of 1,000,000:\n\n| program |";
    for tried in &loaded {
        let _ = write!(text, " {} |", tried.kernel.series);
    }
    text += "\n|---|";
    text += &"---|".repeat(loaded.len());
    text.push('\n');
    for program in programs {
        let _ = write!(text, "| `{program}` |");
        for tried in &loaded {
            match tried.outcome.verified.get(program) {
                Some(&count) => {
                    let _ = write!(text, " {} |", grouped(count));
                }
                None => text += " |",
            }
        }
        text.push('\n');
    }
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(162_947), "162,947");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
