//! JSON by hand, for output of a few members.

use std::fmt::Write as _;

/// Returns a text as a JSON string, in quotes (RFC 8259 section 7).
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            // Writing to a string does not fail.
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn string_round_trips() {
        for text in [
            "",
            "a\"b\\c",
            "line\nand\ttab",
            "\u{e9}\u{1f980}",
            "a\"b",
            "\\",
            "\n\0\x1f",
        ] {
            let back: Result<String, _> = serde_json::from_str(&quoted(text));
            assert_eq!(back.ok().as_deref(), Some(text));
        }
    }
}
