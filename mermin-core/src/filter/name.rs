//! Filter items for fields with named values: a name of a vocabulary, a glob over names, or numbers that have names.

use std::{fmt, marker::PhantomData, str::FromStr};

use super::text::{TextFault, from_text, glob, refused};
use crate::{
    error::Error,
    flow::{IcmpMessage, IpHeader, Protocol, TcpState},
    iface::glob::Glob,
};

mod sealed {
    pub trait Sealed {}
}

/// The vocabulary of a [`Name`].
pub trait Vocabulary: sealed::Sealed {
    /// Term for the vocabulary in errors.
    const WHAT: &'static str;
    /// The highest valid number; `None` if names have no numbers.
    const HIGHEST: Option<u8>;

    /// Returns all names of the vocabulary.
    #[must_use]
    fn names() -> Vec<&'static str>;
}

/// Returns the remedy for `text`: all names, or only those with the same beginning if there are too many.
fn remedy<V: Vocabulary>(text: &str, names: &[&str]) -> String {
    let begins = |length: usize| -> Vec<&str> {
        let start = text.get(..length).unwrap_or(text);
        let alike = names.iter().filter(|name| name.starts_with(start));
        alike.copied().collect()
    };
    let listed = (0..4).map(begins).find(|names| names.len() <= MOST_LISTED);
    let numbers = V::HIGHEST.map_or(String::new(), |highest| {
        format!(", or a number from 0 to {highest}")
    });
    match listed {
        Some(names) if !names.is_empty() => format!("write one of {}{numbers}", names.join(", ")),
        _ => format!(
            "write the name as the registry of IANA has it, in lower case with `_` for each space{numbers}"
        ),
    }
}

macro_rules! vocabularies {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $highest:expr, $names:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Vocabulary for $name {
            const WHAT: &'static str = $what;
            const HIGHEST: Option<u8> = $highest;

            fn names() -> Vec<&'static str> {
                $names
            }
        }
    )*};
}

vocabularies! {
    /// TCP states, as [`TcpState::as_str`] returns them.
    ConnectionState, "connection state", None, TcpState::ALL.iter().map(|state| state.as_str()).collect();
    /// Differentiated services code points, as [`IpHeader::dscp_name`] returns them.
    Dscp, "DSCP name", Some(63), (0..64).filter_map(|dscp| IpHeader::new(dscp << 2, 0, None).dscp_name()).collect();
    /// Explicit congestion notification, as [`IpHeader::ecn_name`] returns it.
    Ecn, "ECN name", Some(3), (0..4).map(|ecn| IpHeader::new(ecn, 0, None).ecn_name()).collect();
    /// ICMP and `ICMPv6` types, as [`IcmpMessage::kind_name`] returns them.
    IcmpType, "ICMP type", Some(u8::MAX), icmp(0, IcmpMessage::kind_name);
    /// ICMP and `ICMPv6` codes, as [`IcmpMessage::code_name`] returns them.
    IcmpCode, "ICMP code", Some(u8::MAX), icmp(u8::MAX, IcmpMessage::code_name);
}

/// Returns the names of messages with codes up to `last`.
fn icmp(last: u8, name: fn(IcmpMessage, Protocol) -> Option<&'static str>) -> Vec<&'static str> {
    let mut names: Vec<&str> = [Protocol::ICMP, Protocol::ICMPV6]
        .into_iter()
        .flat_map(|protocol| (0..=u8::MAX).map(move |kind| (protocol, kind)))
        .flat_map(|(protocol, kind)| {
            (0..=last).map(move |code| (protocol, IcmpMessage { kind, code }))
        })
        .filter_map(|(protocol, message)| name(message, protocol))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A name of the vocabulary, a glob that matches some of its names, or numbers: `established`, `fin_wait_*`, `13`,
/// `0-8`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name<V> {
    text: Box<str>,
    form: Form,
    of: PhantomData<V>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    Exact,
    Glob(Glob),
    Numbers { first: u8, last: u8 },
}

/// Most names that a remedy lists. ICMP has more names than fit on a line.
const MOST_LISTED: usize = 30;

impl<V: Vocabulary> Name<V> {
    /// Returns true if the item matches a name. Numbers match no name, because one number may have several names.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.form {
            Form::Exact => *self.text == *name,
            Form::Glob(glob) => glob.matches(name),
            Form::Numbers { .. } => false,
        }
    }

    /// Returns true if the item matches a number or its name.
    pub(super) fn means(&self, number: u8, name: Option<&str>) -> bool {
        match self.form {
            Form::Numbers { first, last } => (first..=last).contains(&number),
            _ => name.is_some_and(|name| self.matches(name)),
        }
    }

    fn parse(text: &str) -> Result<Self, TextFault> {
        // Names are in lower case.
        let text = text.to_ascii_lowercase();
        let digits = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
        let form = match V::HIGHEST {
            Some(highest) if !text.is_empty() && text.split('-').all(digits) => {
                numbers(&text, highest)?
            }
            _ if Glob::is_glob(&text) => Form::Glob(glob(&text)?),
            _ => Form::Exact,
        };
        let name = Self {
            text: text.into(),
            form,
            of: PhantomData,
        };
        let names = V::names();
        let fault = match name.form {
            Form::Numbers { .. } => return Ok(name),
            _ if names.iter().any(|known| name.matches(known)) => return Ok(name),
            Form::Glob(_) => "no name fits it",
            Form::Exact => "there is no such name",
        };
        Err((fault.to_owned(), remedy::<V>(&name.text, &names)))
    }
}

/// Parses a number, or a range with both bounds.
fn numbers(text: &str, highest: u8) -> Result<Form, TextFault> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |part: &str| part.parse().ok().filter(|number: &u8| *number <= highest);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Form::Numbers { first, last }),
        (Some(first), Some(last)) => Err((
            "it ends before it starts".to_owned(),
            format!("write the lower end first: `{last}-{first}`"),
        )),
        _ => Err((
            format!("its numbers are 0 to {highest}"),
            format!("write a number from 0 to {highest}, or a range such as `0-{highest}`"),
        )),
    }
}

impl<V: Vocabulary> FromStr for Name<V> {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for text that matches no name.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|refusal| refused(V::WHAT, text, refusal))
    }
}

from_text! {
    {V: Vocabulary} Name<V>;
}

impl From<TcpState> for Name<ConnectionState> {
    fn from(state: TcpState) -> Self {
        Self {
            text: state.as_str().into(),
            form: Form::Exact,
            of: PhantomData,
        }
    }
}

impl<V> fmt::Display for Name<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn each_is_an_item_that_fits_itself_alone<V: Vocabulary>(count: usize) {
        let names = V::names();
        assert_eq!(names.len(), count, "{names:?}");
        for name in &names {
            let item: Name<V> = name.parse().unwrap();
            let fitting: Vec<_> = names.iter().filter(|other| item.matches(other)).collect();
            assert_eq!(fitting, [name]);
            assert_eq!(item.to_string(), *name);
        }
    }

    #[test]
    fn every_name_of_a_vocabulary_is_an_item() {
        each_is_an_item_that_fits_itself_alone::<ConnectionState>(10);
        each_is_an_item_that_fits_itself_alone::<Dscp>(24);
        each_is_an_item_that_fits_itself_alone::<Ecn>(4);
        each_is_an_item_that_fits_itself_alone::<IcmpType>(IcmpType::names().len());
        each_is_an_item_that_fits_itself_alone::<IcmpCode>(IcmpCode::names().len());
    }

    #[test]
    fn globs_mean_all_the_names_that_fit() {
        let closing: Name<ConnectionState> = "FIN_WAIT_?".parse().unwrap();
        assert!(closing.matches("fin_wait_1") && closing.matches("fin_wait_2"));
        assert!(!closing.matches("established"));
        let echo: Name<IcmpType> = "echo_*".parse().unwrap();
        assert!(echo.matches("echo_reply") && !echo.matches("redirect"));
        let high: Name<Dscp> = "EF".parse().unwrap();
        assert!(high.matches("ef"));
        assert_eq!(
            Name::<ConnectionState>::from(TcpState::SynSent),
            "syn_sent".parse().unwrap()
        );
    }

    #[test]
    fn icmp_numbers_match_with_and_without_names() {
        let codes: Name<IcmpCode> = "0-8".parse().unwrap();
        assert!(codes.means(0, None) && codes.means(8, Some("source_host_isolated")));
        assert!(!codes.means(9, None) && !codes.matches("source_host_isolated"));
        let one: Name<Dscp> = "46".parse().unwrap();
        assert!(one.means(46, Some("ef")) && !one.means(45, None));
        let named: Name<Dscp> = "af4{1,2,3}".parse().unwrap();
        assert!(named.means(36, Some("af42")) && !named.means(36, None));
        assert_eq!(codes.to_string(), "0-8");
        for text in ["64", "0-64", "9-0", "1-2-3", "-1", "1-", "-"] {
            let error = text.parse::<Name<Dscp>>().unwrap_err();
            assert!(error.remedy().is_some(), "{error}");
        }
        for text in ["4", "0-3"] {
            assert!(text.parse::<Name<ConnectionState>>().is_err(), "{text}");
        }
    }

    #[test]
    fn remedies_are_short() {
        for text in ["port_unreachabel", "xyz", "p", "*q*x"] {
            let error = text.parse::<Name<IcmpCode>>().unwrap_err();
            let remedy = error.remedy().unwrap();
            assert!(
                remedy.len() < 1_000 && remedy.contains("0 to 255"),
                "{remedy}"
            );
        }
        let error = "port_unreachabel".parse::<Name<IcmpCode>>().unwrap_err();
        assert!(error.remedy().unwrap().contains("port_unreachable"));
    }

    #[test]
    fn unknown_name_is_refused_with_the_known_ones() {
        let error = "establishd".parse::<Name<ConnectionState>>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use the connection state `establishd`: there is no such name"
        );
        assert!(error.remedy().unwrap().contains("established"));
        for text in ["", "af1", "x*", "[a"] {
            assert!(text.parse::<Name<Dscp>>().is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_an_item_or_an_error(text in "\\PC{0,20}|[a-z0-9_*?\\[\\]!-]{0,8}") {
            if let Ok(name) = text.parse::<Name<Ecn>>() {
                prop_assert_eq!(name.to_string().parse::<Name<Ecn>>().unwrap(), name);
            }
        }
    }
}
