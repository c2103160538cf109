//! Shell patterns for names (glob(7)): `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`, and `{ab,cd}` as shells expand it.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Token {
    /// `*`: any number of characters.
    Any,
    /// `?`: one character.
    One,
    /// This character.
    Literal(char),
    /// `[..]`: one character in one of the ranges, or in none if negated.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A parsed pattern. A name matches if one of the alternatives matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Glob(Vec<Vec<Token>>);

/// The reason why a pattern is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `[` without its `]`.
    Unclosed,
    /// A range whose last character is below its first.
    Backwards,
    /// `{` without its `}`.
    UnclosedBrace,
    /// `{` within another `{`.
    Nested,
    /// Braces that expand to too many patterns.
    TooMany,
}

impl Fault {
    /// Returns the fault and the remedy.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Unclosed => (
                "a bracket is not closed",
                "close the set with `]`, or write `[[]` for the bracket itself",
            ),
            Self::Backwards => (
                "a range in brackets ends before it starts",
                "write the lower end first, as in `[0-9]`",
            ),
            Self::UnclosedBrace => (
                "a brace is not closed",
                "close the list with `}`, as in `{eth,ens}*`, or write `[{]` for the brace itself",
            ),
            Self::Nested => (
                "a brace stands within another",
                "write one list: `{a,bc,bd}` for `{a,b{c,d}}`",
            ),
            Self::TooMany => (
                "its braces stand for too many patterns",
                "write several patterns, or `*` and `?` in place of some lists",
            ),
        }
    }
}

/// Largest number of patterns that braces expand to, and of their characters in total.
const MOST_PATTERNS: usize = 256;
const MOST_CHARACTERS: usize = 1 << 16;

impl Glob {
    /// Returns true for text with special characters.
    pub(crate) fn is_glob(text: &str) -> bool {
        text.contains(['*', '?', '[', '{'])
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let patterns = alternatives(text)?;
        patterns
            .iter()
            .map(|text| tokens(text))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns true if the whole name matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.0.iter().any(|tokens| fits(tokens, &name))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                let (set, behind) = set(rest.as_str())?;
                rest = behind.chars();
                set
            }
            literal => Token::Literal(literal),
        });
    }
    Ok(tokens)
}

/// Expands braces into patterns without braces.
fn alternatives(text: &str) -> Result<Vec<String>, Fault> {
    let mut patterns = vec![String::new()];
    let mut rest = text;
    while let Some(open) = next_of(rest, '{')? {
        let behind = &rest[open + 1..];
        let close = next_of(behind, '}')?.ok_or(Fault::UnclosedBrace)?;
        let (list, before) = (&behind[..close], &rest[..open]);
        if next_of(list, '{')?.is_some() {
            return Err(Fault::Nested);
        }
        let items = split(list)?;
        let characters: usize = patterns
            .iter()
            .map(|pattern| (pattern.len() + before.len()) * items.len() + list.len())
            .sum();
        if patterns.len() * items.len() > MOST_PATTERNS || characters > MOST_CHARACTERS {
            return Err(Fault::TooMany);
        }
        patterns = patterns
            .iter()
            .flat_map(|pattern| {
                items
                    .iter()
                    .map(move |item| [pattern, before, item].concat())
            })
            .collect();
        rest = &behind[close + 1..];
    }
    if patterns.len() > 1 && patterns.len() * rest.len() > MOST_CHARACTERS {
        return Err(Fault::TooMany);
    }
    for pattern in &mut patterns {
        pattern.push_str(rest);
    }
    Ok(patterns)
}

/// Returns the position of the first special use of a character, outside of sets.
fn next_of(text: &str, wanted: char) -> Result<Option<usize>, Fault> {
    let mut rest = text.chars();
    loop {
        let at = text.len() - rest.as_str().len();
        match rest.next() {
            None => return Ok(None),
            Some(found) if found == wanted => return Ok(Some(at)),
            Some('[') => rest = set(rest.as_str())?.1.chars(),
            Some(_) => {}
        }
    }
}

/// Splits a list at its commas.
fn split(list: &str) -> Result<Vec<&str>, Fault> {
    let mut items = Vec::new();
    let mut rest = list;
    while let Some(comma) = next_of(rest, ',')? {
        items.push(&rest[..comma]);
        rest = &rest[comma + 1..];
    }
    items.push(rest);
    Ok(items)
}

/// Returns true if the whole name matches. Takes time proportional to the product of both lengths at most, because it
/// retries only the last `*`.
fn fits(tokens: &[Token], name: &[char]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut last_any = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                last_any = Some((token, at));
                token += 1;
            }
            Some(step) if step.takes(name[at]) => {
                token += 1;
                at += 1;
            }
            _ => {
                let Some((any, from)) = last_any else {
                    return false;
                };
                last_any = Some((any, from + 1));
                (token, at) = (any + 1, from + 1);
            }
        }
    }
    tokens[token..].iter().all(|left| *left == Token::Any)
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Literal(literal) => *literal == character,
            Self::Set { negated, ranges } => {
                let inside = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character));
                inside != *negated
            }
        }
    }
}

/// Parses a set behind its `[`; returns it and the text behind its `]`. A `]` in first place stands for itself.
fn set(text: &str) -> Result<(Token, &str), Fault> {
    let inside = text.strip_prefix(['!', '^']);
    let negated = inside.is_some();
    let mut rest = inside.unwrap_or(text).chars();
    let mut ranges = Vec::new();
    loop {
        let first = rest.next().ok_or(Fault::Unclosed)?;
        if first == ']' && !ranges.is_empty() {
            return Ok((Token::Set { negated, ranges }, rest.as_str()));
        }
        let mut ahead = rest.clone();
        // A `-` before the `]` stands for itself.
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) if last != ']' => {
                rest = ahead;
                last
            }
            _ => first,
        };
        if last < first {
            return Err(Fault::Backwards);
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_take_any_characters_and_marks_one() {
        for (pattern, name) in [
            ("*", "eth0"),
            ("*", ""),
            ("eth*", "eth"),
            ("eth*", "eth0.100"),
            ("*0", "eth10"),
            ("v*th*", "vxvethth"),
            ("a*b*c", "aXbYbZc"),
            ("eth?", "eth1"),
            ("**", "x"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("eth*", "veth0"),
            ("eth?", "eth"),
            ("eth?", "eth10"),
            ("*0", "eth1"),
            ("a*b*c", "aXbY"),
            ("", "x"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn sets_take_one_character_of_theirs() {
        assert!(fits("eth[0-3]", "eth2"));
        assert!(!fits("eth[0-3]", "eth4"));
        assert!(fits("eth[!0-3]", "eth4"));
        assert!(!fits("eth[^4]", "eth4"));
        assert!(fits("[]x]", "]"));
        assert!(fits("[a-]", "-"));
        assert!(fits("[*]", "*") && !fits("[*]", "x"));
        assert!(fits("e[t]h[0-9]*", "eth0.7"));
    }

    #[test]
    fn pcap_errors_are_distinguished() {
        for pattern in ["eth[", "eth[]", "eth[!]", "[a", "[a-"] {
            assert_eq!(Glob::parse(pattern), Err(Fault::Unclosed), "{pattern}");
        }
        assert_eq!(Glob::parse("[9-0]"), Err(Fault::Backwards));
    }

    #[test]
    fn braces_stand_for_each_of_their_items() {
        for (pattern, fitting) in [
            ("{eth,ens}*", &["eth0", "ens5"][..]),
            ("af4{1,2,3}", &["af41", "af42", "af43"]),
            ("{a,b}-{c,d}", &["a-c", "b-d", "b-c"]),
            ("eth{0}", &["eth0"]),
            ("x{,y}", &["x", "xy"]),
            ("[{]{a,[,]}", &["{a", "{,"]),
            ("a}", &["a}"]),
        ] {
            for name in fitting {
                assert!(fits(pattern, name), "{pattern} {name}");
            }
            assert!(!fits(pattern, "z0,z1"), "{pattern}");
        }
        assert!(!fits("af4{1,2,3}", "af4") && !fits("{a,b}c", "abc"));
        for (pattern, fault) in [
            ("eth{0,1", Fault::UnclosedBrace),
            ("{a,b{c,d}}", Fault::Nested),
            (&"{a,b}".repeat(20), Fault::TooMany),
            (&format!("{{a,b}}{}", "x".repeat(70_000)), Fault::TooMany),
            ("{a,[b}", Fault::Unclosed),
        ] {
            assert_eq!(Glob::parse(pattern), Err(fault), "{pattern:.20}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!fits(&pattern, &"a".repeat(400)));
    }
}
