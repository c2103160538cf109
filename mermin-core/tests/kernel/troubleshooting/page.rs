//! docs/TROUBLESHOOTING.md: the text in the first cell of each row is the symptom.

const PAGE: &str = include_str!("../../../../docs/TROUBLESHOOTING.md");
/// First cell of each table's head.
const HEAD: &str = "what you see";

/// Title of the section about mermin-config.
const CONFIGURATION: &str = "A configuration file is refused";
/// Title of the section about mermin-export.
const EXPORT: &str = "Records do not arrive";

/// The first cell of every row about capturing.
pub(super) fn troubleshooting() -> Vec<&'static str> {
    cells(|title| ![CONFIGURATION, EXPORT].contains(&title))
}

/// Those about configuration files.
pub(super) fn of_configuration() -> Vec<&'static str> {
    cells(|title| title == CONFIGURATION)
}

/// Those about exporting.
pub(super) fn of_export() -> Vec<&'static str> {
    cells(|title| title == EXPORT)
}

fn cells(wanted: fn(&str) -> bool) -> Vec<&'static str> {
    let sections = PAGE.split("\n## ").skip(1);
    sections
        .filter(|section| section.lines().next().is_some_and(wanted))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|cell| *cell != HEAD)
        .collect()
}

/// True if the page has this anywhere.
pub(super) fn has(text: &str) -> bool {
    PAGE.contains(text)
}

/// The part of a cell that a text lacks: the cell's texts between backquotes must be in it, in this order.
pub(super) fn lacking<'a>(cell: &'a str, text: &str) -> Option<&'a str> {
    let mut rest = text;
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.into_iter().find(|literal| {
        let found = rest.split_once(literal);
        rest = found.map_or("", |(_, behind)| behind);
        found.is_none()
    })
}

/// The comparison itself can fail.
pub(super) fn troubleshooting_texts_are_compared() {
    let cell = "`a` of `b c`, and what is not quoted";
    assert_eq!(lacking(cell, "the a of the b c"), None);
    assert_eq!(lacking(cell, "b c a"), Some("b c"));
    assert_eq!(lacking(cell, "the b c"), Some("a"));
    assert_eq!(lacking("nothing that can be read", ""), None);
}
