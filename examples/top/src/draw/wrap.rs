//! Breaks text into lines of a width.

/// Breaks behind a space where there is one, and within a word that is longer than a line. An empty text has one line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width {
        // A space may be the first character that does not fit.
        let space = rest[..=width].iter().rposition(|it| *it == ' ');
        let end = space.filter(|place| *place > 0).unwrap_or(width);
        let line: String = rest.drain(..end).collect();
        lines.push(line.trim_end().to_owned());
        let spaces = rest.iter().take_while(|it| **it == ' ').count();
        rest.drain(..spaces);
    }
    lines.push(rest.into_iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_behind_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("one two three", 6), ["one", "two", "three"]);
        assert_eq!(wrap("one", 3), ["one"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn long_word_breaks_at_the_width() {
        assert_eq!(wrap("0123456789", 4), ["0123", "4567", "89"]);
        assert_eq!(wrap("a 0123456789", 4), ["a", "0123", "4567", "89"]);
        assert_eq!(wrap("é€é€", 3), ["é€é", "€"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }
}
