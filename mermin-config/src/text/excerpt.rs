//! Converts an offset for people: line, column, and the line itself with a marker.

use super::{Span, boundary};

/// Largest number of characters of a line; a longer line is cut around the position.
const WIDTH: usize = 120;
/// Characters before the position in a cut line.
const BEFORE: usize = 40;

/// A position in a text, for printing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// The line, or the part of it around the position.
    pub(crate) text: String,
    /// Characters of `text` before the marker.
    pub(crate) indent: usize,
    /// Number of marked characters, at least one.
    pub(crate) width: usize,
}

impl Excerpt {
    /// Returns the position of a span. If it ends on a later line, the mark ends with the first line.
    pub(crate) fn new(text: &str, span: &Span) -> Self {
        let start = boundary(text, span.start);
        let end = boundary(text, span.end).max(start);
        let begun = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let ended = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[..begun].matches('\n').count() + 1;
        let before = text[begun..start].chars().count();
        let width = text[start..end.min(ended)]
            .trim_end()
            .chars()
            .count()
            .max(1);

        let skipped = if text[begun..ended].chars().count() > WIDTH {
            before.saturating_sub(BEFORE)
        } else {
            0
        };
        let shown: String = text[begun..ended]
            .trim_end()
            .chars()
            .skip(skipped)
            .take(WIDTH)
            .map(printable)
            .collect();
        let indent = before - skipped;
        Self {
            line,
            column: before + 1,
            text: shown,
            indent,
            width: width.min(WIDTH.saturating_sub(indent)).max(1),
        }
    }
}

/// Replaces a character that does not take exactly one column. So markers have the right position, and a file can
/// neither control a terminal nor change the order of text.
pub(crate) fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        // Zero-width characters, and changes of direction (UAX #9).
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_is_counted_in_characters() {
        let text = "one\n  zwölf = \"ü\"\n";
        let at = text.find("\"ü\"").unwrap();
        let excerpt = Excerpt::new(text, &(at..at + 4));
        assert_eq!((excerpt.line, excerpt.column), (2, 11));
        assert_eq!(excerpt.text, "  zwölf = \"ü\"");
        assert_eq!((excerpt.indent, excerpt.width), (10, 3));
    }

    #[test]
    fn multi_line_span_is_marked_to_the_end_of_its_first_line() {
        let excerpt = Excerpt::new("span {\n}\n", &(0..8));
        assert_eq!((excerpt.line, excerpt.width), (1, 6));
    }

    #[test]
    fn long_line_is_cut_around_the_place() {
        let text = format!("{}x{}", "-".repeat(5_000), "-".repeat(5_000));
        let excerpt = Excerpt::new(&text, &(5_000..5_001));
        assert_eq!(excerpt.column, 5_001);
        assert_eq!(excerpt.text.chars().count(), WIDTH);
        assert_eq!(excerpt.text.chars().nth(excerpt.indent), Some('x'));
    }

    #[test]
    fn offsets_out_of_range_do_not_panic() {
        for end in 0..9 {
            for start in 0..=end {
                Excerpt::new("aü\nö", &(start..end));
            }
        }
        assert_eq!(Excerpt::new("", &(0..0)).line, 1);
    }

    #[test]
    fn excerpts_contain_no_terminal_control_characters() {
        assert_eq!(Excerpt::new("\u{1b}[2J\tx", &(0..1)).text, "\u{fffd}[2J x");
        assert_eq!(Excerpt::new("a\u{202e}b", &(0..1)).text, "a\u{fffd}b");
    }
}
