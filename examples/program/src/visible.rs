//! Text of others on a terminal.

use std::borrow::Cow;

/// Returns a text with its control characters as escapes of Rust, such as `\u{1b}`, and so with those that have no width or
/// change the direction (UAX #9): a name from a capture file, a process or a receiver cannot command a terminal or forge a line.
///
/// ```
/// use mermin_program::visible;
///
/// assert_eq!(visible("eth0"), "eth0");
/// assert_eq!(visible("a\u{1b}[2J\nb"), r"a\u{1b}[2J\nb");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// The same for a text of several lines, whose ends stay.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |it| it != '\n' && is_hidden(it))
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_stays() {
        let all: String = ('\0'..='\u{ffff}').collect();
        assert!(!visible(&all).contains(is_hidden));
        for it in
            "\u{1b}\u{7f}\u{9b}\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars()
        {
            assert!(!visible(&it.to_string()).contains(it), "{it:?}");
        }
        assert_eq!(visible("a\u{9b}2J\u{202e}ü"), r"a\u{9b}2J\u{202e}ü");
        let lines = visible_lines("one\u{7}\n  two\r\n");
        assert_eq!(lines, "one\\u{7}\n  two\\r\n");
    }
}
