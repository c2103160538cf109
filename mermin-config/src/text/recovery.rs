//! Leaves out the invalid part of a file, so that the rest can be checked.

use super::{
    Span,
    scan::{self, Pair, line, scan},
};
use crate::diagnostic::Problem;

/// Largest number of reported faults. With more, one of them invalidates everything after it.
const MOST_FAULTS: usize = 20;

/// A text without its invalid parts: spaces replace them, so offsets stay.
#[derive(Debug)]
pub(crate) struct Repaired {
    pub(crate) text: String,
    /// `None` after so many faults that the rest is not checked.
    pub(crate) pairs: Option<Vec<Pair>>,
    pub(crate) problems: Vec<Problem>,
}

/// Leaves out parts with unmatched brackets or quotes.
pub(crate) fn brackets(text: &str) -> Repaired {
    let mut text = text.to_owned();
    let mut problems = Vec::new();
    let pairs = loop {
        match scan(&text) {
            Ok(pairs) => break Some(pairs),
            Err(scan::Fault { problem, spoiled }) => {
                problems.push(problem);
                if problems.len() >= MOST_FAULTS {
                    break None;
                }
                blank(&mut text, &[spoiled]);
            }
        }
    };
    Repaired {
        text,
        pairs,
        problems,
    }
}

/// Leaves out the line at `offset` and everything opened on it. Brackets opened before it are still closed.
pub(crate) fn leave_out(text: &mut String, pairs: &[Pair], offset: usize) {
    let mut spoiled = line(text, offset);
    while let Some(end) = pairs
        .iter()
        .filter(|(open, close)| spoiled.contains(open) && *close >= spoiled.end)
        .map(|(_, close)| line(text, *close).end)
        .max()
    {
        spoiled.end = end;
    }
    let mut kept: Vec<usize> = pairs
        .iter()
        .filter(|(open, close)| *open < spoiled.start && spoiled.contains(close))
        .map(|(_, close)| *close)
        .collect();
    kept.sort_unstable();
    let mut parts = Vec::new();
    let mut start = spoiled.start;
    for at in kept {
        parts.push(start..at);
        start = at + 1;
    }
    parts.push(start..spoiled.end);
    blank(text, &parts);
}

/// Replaces everything except newlines by spaces. Spans start and end between characters.
fn blank(text: &mut String, spans: &[Span]) {
    let mut octets = std::mem::take(text).into_bytes();
    for span in spans {
        for octet in octets.get_mut(span.clone()).unwrap_or_default() {
            if *octet != b'\n' {
                *octet = b' ';
            }
        }
    }
    *text = String::from_utf8_lossy(&octets).into_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovered_text_keeps_its_positions() {
        let repaired = brackets("a = \"ü\nb = 1\n");
        assert_eq!(repaired.text, "       \nb = 1\n");
        assert_eq!(repaired.problems.len(), 1);
        assert!(repaired.pairs.is_some());
    }

    #[test]
    fn removed_line_takes_what_it_opens_and_keeps_what_it_closes() {
        let mut text = "a {\n  b 1 = [\n  2\n  ]\n}\nc = [\n  1 2 ]\n".to_owned();
        let pairs = scan(&text).unwrap();
        let (first, second) = (text.find('1').unwrap(), text.rfind('2').unwrap());
        leave_out(&mut text, &pairs, first);
        leave_out(&mut text, &pairs, second);
        assert_eq!(text, "a {\n         \n   \n   \n}\nc = [\n      ]\n");
    }

    #[test]
    fn excess_syntax_errors_are_summarised() {
        assert_eq!(brackets(&"}\n".repeat(100)).problems.len(), MOST_FAULTS);
    }
}
