//! Parses the output.

use serde_json::Value as Json;

use crate::run::Said;

/// Lines of facts: mark, subject, what was found.
pub(crate) fn facts(text: &str) -> Vec<(char, &str, &str)> {
    text.lines()
        .filter_map(|line| {
            let mut characters = line.chars();
            let mark = characters.next()?;
            let (subject, found) = characters.as_str().strip_prefix(' ')?.split_once(": ")?;
            ['\u{2713}', '\u{2717}', '-', '?']
                .contains(&mark)
                .then_some((mark, subject, found))
        })
        .collect()
}

pub(crate) fn mark(text: &str, subject: &str) -> char {
    let facts = facts(text);
    let fact = facts.iter().find(|(_, known, _)| *known == subject);
    fact.unwrap_or_else(|| panic!("no `{subject}`: {text}")).0
}

pub(crate) fn json(said: &Said) -> Json {
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}
