//! Names that are meant: one of a vocabulary, or a glob over it.

use std::{fmt, marker::PhantomData, str::FromStr};

use super::text::{Refusal, from_text, glob, refused};
use crate::{
    error::Error,
    flow::{IcmpMessage, IpHeader, Protocol, TcpState},
    iface::glob::Glob,
};

mod sealed {
    pub trait Sealed {}
}

/// What a [`Name`] is of.
pub trait Vocabulary: sealed::Sealed {
    /// As errors call it.
    const WHAT: &'static str;

    /// Every name there is.
    #[must_use]
    fn names() -> Vec<&'static str>;
}

macro_rules! vocabularies {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $names:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Vocabulary for $name {
            const WHAT: &'static str = $what;

            fn names() -> Vec<&'static str> {
                $names
            }
        }
    )*};
}

vocabularies! {
    /// TCP states, as [`TcpState::as_str`] gives them.
    ConnectionState, "connection state", TcpState::ALL.iter().map(|state| state.as_str()).collect();
    /// Differentiated services code points, as [`IpHeader::dscp_name`] gives them.
    Dscp, "DSCP name", (0..64).filter_map(|dscp| IpHeader::new(dscp << 2, 0, None).dscp_name()).collect();
    /// Explicit congestion notification, as [`IpHeader::ecn_name`] gives it.
    Ecn, "ECN name", (0..4).map(|ecn| IpHeader::new(ecn, 0, None).ecn_name()).collect();
    /// ICMP and `ICMPv6` types, as [`IcmpMessage::kind_name`] gives them.
    IcmpType, "ICMP type", icmp(0, IcmpMessage::kind_name);
    /// ICMP and `ICMPv6` codes, as [`IcmpMessage::code_name`] gives them.
    IcmpCode, "ICMP code", icmp(u8::MAX, IcmpMessage::code_name);
}

/// The names that messages with codes up to `last` have.
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

/// A name of the vocabulary, or a glob that some of its names fit: `established`, `fin_wait_*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name<V> {
    text: Box<str>,
    /// None for a name.
    glob: Option<Glob>,
    of: PhantomData<V>,
}

impl<V: Vocabulary> Name<V> {
    /// Whether a name of the vocabulary is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.matches(name),
            None => *self.text == *name,
        }
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let name = Self {
            // Vocabularies are in lower case.
            glob: Glob::is_glob(text)
                .then(|| glob(&text.to_ascii_lowercase()))
                .transpose()?,
            text: text.to_ascii_lowercase().into(),
            of: PhantomData,
        };
        let names = V::names();
        if names.iter().any(|known| name.matches(known)) {
            return Ok(name);
        }
        let fault = if name.glob.is_some() {
            "no name fits it"
        } else {
            "there is no such name"
        };
        Err((
            fault.to_owned(),
            format!("write one of {}", names.join(", ")),
        ))
    }
}

impl<V: Vocabulary> FromStr for Name<V> {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for text that no name fits.
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
            glob: None,
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
    fn a_name_that_does_not_exist_is_refused_with_those_that_do() {
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
