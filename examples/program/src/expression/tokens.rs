//! Splits the text of an expression into tokens.

use super::items::Place;

/// A token of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    Not,
    Equal,
    Unequal,
    /// A key, or items.
    Word(&'a str),
}

const SIGNS: [(&str, Token<'static>); 7] = [
    ("(", Token::Open),
    (")", Token::Close),
    ("&&", Token::And),
    ("||", Token::Or),
    ("!=", Token::Unequal),
    ("!", Token::Not),
    ("=", Token::Equal),
];

/// Splits a text. Braces, brackets and regular expressions are part of a word.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        let length = if let Some((sign, token)) = sign {
            tokens.push(*token);
            sign.len()
        } else {
            let length = word(rest);
            tokens.push(keyword(&rest[..length]));
            length
        };
        rest = rest[length..].trim_start();
    }
    tokens
}

fn keyword(word: &str) -> Token<'_> {
    match word {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Word(word),
    }
}

/// Returns the length in octets of the word with which a text begins.
fn word(text: &str) -> usize {
    let mut place = Place::default();
    let mut in_brackets = false;
    for (at, character) in text.char_indices() {
        if !place.is_in_expression() {
            let ends = character.is_whitespace()
                || matches!(character, '(' | ')' | '=')
                || text[at..].starts_with("!=")
                || text[at..].starts_with("&&")
                || text[at..].starts_with("||");
            if ends && place.is_outside() && !in_brackets {
                return at;
            }
            match character {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => {}
            }
        }
        place.pass(character);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Token::*, *};

    #[test]
    fn signs_and_words_are_parted() {
        for (text, expected) in [
            ("", &[][..]),
            ("port=443", &[Word("port"), Equal, Word("443")]),
            ("a != b", &[Word("a"), Unequal, Word("b")]),
            (
                "!(tcp)||udp",
                &[Not, Open, Word("tcp"), Close, Or, Word("udp")],
            ),
            (
                "not net 10.0.0.0/8)",
                &[Not, Word("net"), Word("10.0.0.0/8"), Close],
            ),
            ("SYN|ACK and x", &[Word("SYN|ACK"), And, Word("x")]),
            ("e[!0-9]* y", &[Word("e[!0-9]*"), Word("y")]),
            ("/(a b)=,/ y", &[Word("/(a b)=,/"), Word("y")]),
            ("{a, b},c d", &[Word("{a, b},c"), Word("d")]),
            ("é=ü", &[Word("é"), Equal, Word("ü")]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }
}
