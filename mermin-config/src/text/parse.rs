//! Parses HCL, and reports every syntax error, not only the first.

use hcl_edit::{parser, structure::Body};

use super::{Span, boundary, recovery};
use crate::diagnostic::Problem;

/// Largest number of reported syntax errors.
const MOST_ERRORS: usize = 20;

/// The readable part of a text.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The body without the lines with errors. `None` if the rest is meaningless without them.
    pub(crate) body: Option<Body>,
    pub(crate) problems: Vec<Problem>,
}

/// Parses a text.
pub(crate) fn parse(text: &str) -> Parsed {
    let recovery::Repaired {
        mut text,
        pairs,
        mut problems,
    } = recovery::brackets(text);
    let body = pairs.and_then(|pairs| {
        let mut last = None;
        loop {
            match parser::parse_body(&text) {
                Ok(body) => break Some(body),
                Err(error) => {
                    // The parser counts octets, and may stop within a character.
                    let offset = boundary(&text, error.location().offset());
                    // Leaving out its line did not help, because the construct has several lines.
                    if last.replace(offset) == Some(offset) {
                        break None;
                    }
                    problems.push(explain(&text, offset, error.message()));
                    recovery::leave_out(&mut text, &pairs, offset);
                    if problems.len() >= MOST_ERRORS {
                        break None;
                    }
                }
            }
        }
    });
    if body.is_none() {
        problems.push(
            Problem::whole("cannot check the rest of the file")
                .with_hint("correct these errors first"),
        );
    }
    Parsed { body, problems }
}

/// Converts the parser's message into this crate's form.
fn explain(text: &str, offset: usize, message: &str) -> Problem {
    let rest = text.get(offset..).unwrap_or_default();
    let here = word(text, offset);
    if message.contains("redefined") {
        let key = text.get(here.clone()).unwrap_or_default();
        return Problem::at(&here, format!("cannot use the key `{key}` twice"))
            .with_hint("take one of them out");
    }
    let (label, expected) = match message
        .strip_prefix("invalid ")
        .and_then(|it| it.split_once("; "))
    {
        Some((label, expected)) => (label, expected),
        None => ("", message),
    };
    let what = match label {
        "structure" | "attribute" => "cannot read this as a key or block",
        "block body" => "cannot read this as part of a block",
        "expression" => "cannot read this as a value",
        "object item" => "cannot read this as part of an object",
        "escape sequence" => "cannot read this as an escape",
        _ => "cannot read this",
    };
    let problem = Problem::at(&here, what);
    let problem = match expected.strip_prefix("expected ") {
        Some(expected) => problem.with_valid(expected.replace("eof", "the end of the file")),
        None => problem,
    };
    match hint(text, offset, rest) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

/// Returns a remedy for the most likely mistake.
fn hint(text: &str, offset: usize, rest: &str) -> Option<&'static str> {
    let first = rest.chars().next()?;
    let before = text.get(..offset)?;
    if first == '\'' {
        return Some("text stands in double quotes");
    }
    if first == ':' {
        return Some("a key and its value have `=` between them");
    }
    let number = before.ends_with(|c: char| c.is_ascii_digit());
    if number && is_exponent(rest) {
        return Some("no number is so large");
    }
    if number && first.is_alphabetic() {
        return Some("durations and other text stand in double quotes: `\"5s\"`");
    }
    let line = before.rsplit('\n').next()?;
    if line.trim_end().ends_with('"') && !line.contains('=') && !rest.starts_with('{') {
        return Some(
            "a key and its value have `=` between them; a block opens with `{` on the same line",
        );
    }
    None
}

/// Returns true if a text begins with the exponent of a number.
fn is_exponent(text: &str) -> bool {
    text.strip_prefix(['e', 'E'])
        .map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the word at an offset, or the one before it at a line's end, or a single character.
fn word(text: &str, offset: usize) -> Span {
    let ends = text
        .get(offset..)
        .is_none_or(|rest| rest.is_empty() || rest.starts_with(['\n', '\r']));
    let before = text.get(..offset).unwrap_or_default();
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if ends && before.ends_with(part) {
        return before.trim_end_matches(part).len()..offset;
    }
    let rest = text.get(offset..).unwrap_or_default();
    let word = rest.find(|c| !part(c)).unwrap_or(rest.len());
    let octets = match word {
        0 => rest.chars().next().map_or(0, char::len_utf8),
        word => word,
    };
    offset..offset + octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_on_several_lines_are_all_reported() {
        let parsed = parse("a = \nb = 5s\nc = 1\nd : 2\ne = 'x'\n");
        assert_eq!(parsed.problems.len(), 4);
        assert!(parsed.body.is_some_and(|body| body.has_attribute("c")));
    }

    #[test]
    fn error_is_reported_once() {
        let parsed = parse("a = \"${\n}\"\n");
        // The second problem says that the rest was not checked.
        assert_eq!(parsed.problems.len(), 2);
    }

    #[test]
    fn excess_errors_are_summarised() {
        let parsed = parse(&"= 1\n".repeat(100));
        assert_eq!(parsed.problems.len(), MOST_ERRORS + 1);
        assert!(parsed.body.is_none());
    }
}
