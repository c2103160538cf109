//! Which interfaces a user means: an exact name or a glob.

use std::{fmt, str::FromStr};

use super::glob::{Fault, Glob};
use crate::error::{Error, ErrorKind};

/// Longest interface name (`IFNAMSIZ` less its zero byte), in bytes.
const NAME_MAX: usize = 15;

/// Interface names that are wanted: one name (`eth0`) or a glob (`eth*`, `veth?`, `eth[0-3]`, `[!l]*`).
///
/// A glob matches whole names. A special character in brackets stands for itself (`[*]`). Regular expressions between
/// slashes are not supported now; the form is refused so that it can be given that meaning later.
///
/// An exact name must exist; a glob may match nothing now and something later. Either also picks interfaces that are
/// down, and loopback.
///
/// ```
/// use mermin_core::Pattern;
///
/// let pattern: Pattern = "veth*".parse()?;
/// assert!(pattern.matches("veth1a2b"));
/// assert!("eth[".parse::<Pattern>().is_err());
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    /// None for an exact name.
    glob: Option<Glob>,
}

impl Pattern {
    /// Whether an interface of this name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.matches(name),
            None => *self.text == *name,
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this names one interface, which then must exist.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.glob.is_none()
    }
}

impl FromStr for Pattern {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`] for text that cannot match the name of any interface, or is malformed.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self {
            glob: parse(text).map_err(|(fault, remedy)| {
                let message = format!("cannot use the interface pattern `{text}`: {fault}");
                Error::new(ErrorKind::InvalidOption, message).with_remedy(remedy)
            })?,
            text: text.into(),
        })
    }
}

impl TryFrom<&str> for Pattern {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A fault and its remedy, or the glob where it is one.
fn parse(text: &str) -> Result<Option<Glob>, (&'static str, &'static str)> {
    if text.is_empty() {
        return Err((
            "it is empty",
            "name an interface, or write `*` for all of them",
        ));
    }
    if text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
        return Err((
            "regular expressions are not supported",
            "write a glob: `*` is any text, `?` one character, `[0-9]` one of a set",
        ));
    }
    // What the kernel refuses in a name (`dev_valid_name`).
    if let Some(character) = text
        .chars()
        .find(|c| matches!(c, '/' | ':') || c.is_ascii_whitespace())
    {
        return Err(match character {
            '/' => (
                "no interface name has a slash",
                "write the name alone, as `ip link` shows it",
            ),
            ':' => (
                "no interface name has a colon",
                "leave out the colon and what follows it",
            ),
            _ => (
                "no interface name has white space",
                "give each name as a pattern of its own",
            ),
        });
    }
    if Glob::is_glob(text) {
        return Glob::parse(text).map(Some).map_err(|fault| match fault {
            Fault::Unclosed => (
                "a bracket is not closed",
                "close the set with `]`, or write `[[]` for the bracket itself",
            ),
            Fault::Backwards => (
                "a range in brackets ends before it starts",
                "write the lower end first, as in `[0-9]`",
            ),
        });
    }
    if text.len() > NAME_MAX {
        return Err((
            "an interface name has at most 15 bytes",
            "write the name as `ip link` shows it, or shorten it with `*`",
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_itself_alone() {
        let pattern: Pattern = "eth0".parse().unwrap();
        assert!(pattern.is_exact() && pattern.matches("eth0"));
        assert!(!pattern.matches("eth01") && !pattern.matches("eth"));
        assert_eq!(pattern.to_string(), "eth0");
    }

    #[test]
    fn names_may_hold_whatever_the_kernel_allows() {
        for name in ["flannel.1", "br-0123456789ab", "eth0@x", "lxc_health"] {
            assert!(Pattern::try_from(name).unwrap().matches(name));
        }
    }

    #[test]
    fn faults_say_what_is_wrong_and_what_to_write() {
        for (text, part) in [
            ("", "is empty"),
            ("sixteen-bytes-ab", "at most 15 bytes"),
            ("/eth[0-9]+/", "regular expressions are not supported"),
            ("eth/0", "slash"),
            ("/", "slash"),
            ("eth0:1", "colon"),
            ("eth0 eth1", "white space"),
            ("eth[0", "not closed"),
            ("eth[9-0]", "ends before it starts"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().contains(&format!("`{text}`")));
            assert!(error.remedy().is_some());
        }
    }
}
