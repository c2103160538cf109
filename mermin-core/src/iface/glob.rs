//! Shell patterns over names (glob(7)): `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Token {
    /// `*`: any characters, also none.
    Any,
    /// `?`: one character.
    One,
    /// This character.
    Literal(char),
    /// `[..]`: one character that lies in one of the ranges, or, negated, in none.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Glob(Vec<Token>);

/// Why a pattern is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `[` without its `]`.
    Unclosed,
    /// A range whose end comes before its start.
    Backwards,
}

impl Glob {
    /// True for text that is more than a plain name.
    pub(crate) fn is_glob(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
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
        Ok(Self(tokens))
    }

    /// Whether the whole name fits. Takes time in proportion to both lengths: only the last `*` is ever tried again.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut token, mut at) = (0, 0);
        let mut last_any = None;
        while at < name.len() {
            match self.0.get(token) {
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
        self.0[token..].iter().all(|left| *left == Token::Any)
    }
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

/// Reads a set from behind its `[`, and returns what stands behind its `]`. A `]` that comes first stands for itself.
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
    fn faults_are_told_apart() {
        for pattern in ["eth[", "eth[]", "eth[!]", "[a", "[a-"] {
            assert_eq!(Glob::parse(pattern), Err(Fault::Unclosed), "{pattern}");
        }
        assert_eq!(Glob::parse("[9-0]"), Err(Fault::Backwards));
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!fits(&pattern, &"a".repeat(400)));
    }
}
