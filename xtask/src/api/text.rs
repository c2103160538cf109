//! A library's public API, one line for each item.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use public_api::Builder;

use super::{Library, rustdoc};

/// Compiler-internal traits that no code can name. They differ between versions.
const UNNAMEABLE: [&str; 2] = ["core::marker::Freeze for", "core::marker::UnsafeUnpin for"];

/// Returns the API in rustdoc's order of names. It includes auto traits, because losing `Send` breaks users.
pub(super) fn of(library: &Library) -> Result<String> {
    let api = Builder::from_rustdoc_json(rustdoc::json(library)?)
        .sorted(true)
        .omit_blanket_impls(true)
        .build()
        .with_context(|| format!("cannot read what rustdoc says of `{}`", library.package))?;
    Ok(api
        .items()
        .map(|item| format!("{item}\n"))
        .filter(|line| !UNNAMEABLE.iter().any(|name| line.contains(name)))
        .collect())
}

/// Returns the lines that only one text has, removed lines first; empty if there are none.
pub(super) fn difference(committed: &str, built: &str) -> String {
    let mut surplus: BTreeMap<&str, i32> = BTreeMap::new();
    for line in built.lines() {
        *surplus.entry(line).or_default() += 1;
    }
    for line in committed.lines() {
        *surplus.entry(line).or_default() -= 1;
    }
    let side = |mark: char, sign: i32| {
        surplus
            .iter()
            .filter(move |(_, surplus)| surplus.signum() == sign)
            .map(move |(line, _)| format!("{mark} {line}\n"))
    };
    side('-', -1).chain(side('+', 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bag_difference_has_the_surplus() {
        assert_eq!(difference("a\nb\nb\n", "a\nb\nb\n"), "");
        assert_eq!(difference("a\nb\nd\n", "a\nc\nb\nb\n"), "- d\n+ b\n+ c\n");
    }
}
