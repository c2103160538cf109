//! Patterns of interface names: an exact name, a glob or a regular expression.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use regex_lite::Regex;

use super::glob::{Fault, Glob};
use crate::error::{Error, ErrorKind};

/// Octets of the longest interface name. An alternative name has at most this many (`ALTIFNAMSIZ` without its zero
/// octet), the primary name at most 15.
const NAME_MAX: usize = 127;

/// A pattern of interface names: an exact name (`eth0`), a glob (`eth*`, `veth?`, `eth[0-3]`, `[!l]*`, `{eth,ens}*`)
/// or a regular expression between slashes (`/eth[0-9]+/`).
///
/// A pattern matches whole names: `/^docker/` matches only `docker`, and `/docker.*/` matches all names that begin
/// with it. In a glob, brackets quote a special character (`[*]`). Regular expressions have the syntax of the
/// `regex-lite` crate. Their time is proportional to the product of their length and the name's.
///
/// An exact name must exist when a source is opened; other patterns may match an interface later. Patterns also match
/// interfaces that are down, and loopback.
///
/// ```
/// use mermin_core::Pattern;
///
/// let pattern: Pattern = "veth*".parse()?;
/// assert!(pattern.matches("veth1a2b"));
/// let pattern: Pattern = "/(eth|ens)[0-9]+/".parse()?;
/// assert!(pattern.matches("ens5") && !pattern.matches("ens5.100"));
/// assert!("eth[".parse::<Pattern>().is_err());
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Exact,
    Glob(Glob),
    Regex(Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Pattern {
    /// Returns true if the pattern matches this name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.form {
            Form::Exact => *self.text == *name,
            Form::Glob(glob) => glob.matches(name),
            Form::Regex(regex) => regex.is_match(name),
        }
    }

    /// Returns true if this is a regular expression that matches a part of a name, but not the whole name.
    pub(crate) fn fits_part_of(&self, name: &str) -> bool {
        let expression = self.expression().and_then(|it| Regex::new(it).ok());
        expression.is_some_and(|it| it.is_match(name)) && !self.matches(name)
    }

    /// Adds `.*` behind the expression, before it or at both ends, and returns the first of these that matches all
    /// names.
    pub(crate) fn widened(&self, names: &[&str]) -> Option<String> {
        let core = self.expression()?;
        let core = core.strip_prefix('^').unwrap_or(core);
        let core = core.strip_suffix('$').unwrap_or(core);
        let core = if core.contains('|') {
            format!("({core})")
        } else {
            core.to_owned()
        };
        [
            format!("/{core}.*/"),
            format!("/.*{core}/"),
            format!("/.*{core}.*/"),
        ]
        .into_iter()
        .find(|wider| {
            let wider = wider.parse::<Self>();
            wider.is_ok_and(|wider| names.iter().all(|name| wider.matches(name)))
        })
    }

    /// Returns the text between the slashes.
    fn expression(&self) -> Option<&str> {
        let between = self.text.strip_prefix('/')?.strip_suffix('/');
        between.filter(|_| matches!(self.form, Form::Regex(_)))
    }

    /// Returns the pattern's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if this is an exact name. An interface of this name must exist.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.form, Form::Exact)
    }
}

impl FromStr for Pattern {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`] for malformed text, and for text that cannot match any interface name.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self {
            form: parse(text).map_err(|(fault, remedy)| {
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

impl TryFrom<&String> for Pattern {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<Cow<'_, str>> for Pattern {
    type Error = Error;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Error> {
        text.parse()
    }
}

/// For lists of borrowed patterns.
impl From<&Self> for Pattern {
    fn from(pattern: &Self) -> Self {
        pattern.clone()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The fault and its remedy.
type PatternFault = (Cow<'static, str>, &'static str);

fn parse(text: &str) -> Result<Form, PatternFault> {
    match text
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
    {
        Some(expression) if !expression.is_empty() => regex(expression),
        _ => name_or_glob(text).map_err(|(fault, remedy)| (fault.into(), remedy)),
    }
}

fn regex(expression: &str) -> Result<Form, PatternFault> {
    // Compiles it without a group first: a stray bracket could close the group.
    Regex::new(expression)
        .and_then(|_| Regex::new(&format!("^(?:{expression})$")))
        .map(Form::Regex)
        .map_err(|error| {
            (
                format!("it is no regular expression: {error}").into(),
                "correct what stands between the slashes, or write a glob without them: `*` is any text, `?` one character",
            )
        })
}

fn name_or_glob(text: &str) -> Result<Form, (&'static str, &'static str)> {
    if text.is_empty() {
        return Err((
            "it is empty",
            "name an interface, or write `*` for all of them",
        ));
    }
    // The kernel refuses these characters in a name (`dev_valid_name`).
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
        return Glob::parse(text).map(Form::Glob).map_err(Fault::words);
    }
    if text.len() > NAME_MAX {
        return Err((
            "an interface name has at most 15 bytes, and another name of it 127",
            "write the name as `ip link` shows it, or shorten it with `*`",
        ));
    }
    Ok(Form::Exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_name_matches_only_itself() {
        let pattern: Pattern = "eth0".parse().unwrap();
        assert!(pattern.is_exact() && pattern.matches("eth0"));
        assert!(!pattern.matches("eth01") && !pattern.matches("eth"));
        assert_eq!(pattern.to_string(), "eth0");
    }

    #[test]
    fn expression_matches_whole_names() {
        let pattern: Pattern = "/eth[0-9]+|lo/".parse().unwrap();
        assert!(!pattern.is_exact());
        for name in ["eth0", "eth17", "lo"] {
            assert!(pattern.matches(name), "{name}");
        }
        for name in ["veth0", "eth", "eth0.1", "lo0"] {
            assert!(!pattern.matches(name), "{name}");
        }
        assert_eq!(pattern.to_string(), "/eth[0-9]+|lo/");
    }

    #[test]
    fn partial_match_is_widened_to_whole_names() {
        for (text, names, wider) in [
            ("/^docker/", &["docker0", "docker1"][..], "/docker.*/"),
            ("/eth/", &["veth0", "eth1"], "/.*eth.*/"),
            ("/th0$/", &["eth0", "veth0"], "/.*th0/"),
            ("/eth|lo/", &["eth0", "lo1"], "/(eth|lo).*/"),
        ] {
            let pattern: Pattern = text.parse().unwrap();
            assert!(
                names.iter().all(|name| pattern.fits_part_of(name)),
                "{text}"
            );
            assert_eq!(pattern.widened(names).as_deref(), Some(wider));
        }
        for (text, name) in [
            ("/eth0/", "eth0"),
            ("/x/", "eth0"),
            ("eth", "eth0"),
            ("et?", "eth0"),
        ] {
            let pattern: Pattern = text.parse().unwrap();
            assert!(!pattern.fits_part_of(name), "{text}");
        }
    }

    #[test]
    fn interface_names_allow_every_byte_the_kernel_allows() {
        for name in ["flannel.1", "br-0123456789ab", "eth0@x", "lxc_health"] {
            assert!(Pattern::try_from(name).unwrap().matches(name));
        }
    }

    #[test]
    fn rule_errors_name_the_mistake_and_the_correct_form() {
        for (text, part) in [
            ("", "is empty"),
            (&"n".repeat(128), "at most 15 bytes"),
            ("/eth[0-9+/", "no regular expression"),
            ("/(/", "no regular expression"),
            ("//", "slash"),
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
