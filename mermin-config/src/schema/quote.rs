//! Quotes text for HCL.

use std::fmt::Write as _;

/// Quotes a text so that it is read literally.
///
/// A `$` or `%` before the same character becomes a code point. In `$${` the parser would take the first as an escape
/// of the second, which the formatter of `hcl-edit` 0.10 does not handle.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, rest.peek()) {
            ('"' | '\\', _) => quoted.extend(['\\', character]),
            ('\n', _) => quoted.push_str("\\n"),
            ('\r', _) => quoted.push_str("\\r"),
            ('\t', _) => quoted.push_str("\\t"),
            ('$' | '%', Some('{')) => quoted.extend([character, character]),
            ('$', Some('$')) | ('%', Some('%')) => code_point(&mut quoted, character),
            (character, _) if character.is_control() => code_point(&mut quoted, character),
            (character, _) => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn code_point(quoted: &mut String, character: char) {
    let _ = write!(quoted, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use hcl_edit::expr::Expression;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quoted_text_round_trips(text in "([$%{}\"\\\\]|\\PC|.|[\\n\\r\\t\\x01])*") {
            let quoted = quote(&text);
            let read: Expression = quoted.parse().unwrap();
            prop_assert_eq!(read.as_str(), Some(text.as_str()));
        }
    }
}
