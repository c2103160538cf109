//! A number or a range of numbers.

use std::{fmt, marker::PhantomData, ops::RangeInclusive, str::FromStr};

use super::text::{TextFault, from_text, refused};
use crate::error::Error;

mod sealed {
    pub trait Sealed {}
}

/// The quantity of a [`NumberRange`].
pub trait Bound: sealed::Sealed {
    /// Term for the quantity in errors.
    const WHAT: &'static str;
    /// The highest valid number.
    const HIGHEST: u32;
}

macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $highest:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Bound for $name {
            const WHAT: &'static str = $what;
            const HIGHEST: u32 = $highest;
        }
    )*};
}

bounds! {
    /// Transport ports, 0 to 65,535.
    Port, "port", 0xffff;
    /// Times to live and hop limits, 0 to 255.
    Ttl, "time to live", 0xff;
    /// IPv6 flow labels, 0 to 1,048,575.
    FlowLabel, "flow label", 0xf_ffff;
    /// Kernel indexes of interfaces, 0 to 4,294,967,295.
    InterfaceIndex, "interface index", u32::MAX;
}

/// A number or a range with both bounds included: `443`, `8000-8999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NumberRange<B> {
    first: u32,
    last: u32,
    of: PhantomData<B>,
}

impl<B: Bound> NumberRange<B> {
    /// Creates a range of one number or more.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) if the range is empty or exceeds the highest
    /// number.
    pub fn new(range: RangeInclusive<u32>) -> Result<Self, Error> {
        let (first, last) = range.into_inner();
        Self::checked(first, last)
            .map_err(|refusal| refused(B::WHAT, &format!("{first}-{last}"), refusal))
    }

    /// Returns the lowest number of the range.
    #[must_use]
    pub fn first(&self) -> u32 {
        self.first
    }

    /// Returns the highest number of the range.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.last
    }

    /// Returns true if the range contains a number.
    #[must_use]
    pub fn matches(&self, number: impl Into<u32>) -> bool {
        (self.first..=self.last).contains(&number.into())
    }

    fn checked(first: u32, last: u32) -> Result<Self, TextFault> {
        if first > last {
            return Err((
                "it ends before it starts".to_owned(),
                format!("write the lower end first: `{last}-{first}`"),
            ));
        }
        if last > B::HIGHEST {
            return Err(beyond::<B>());
        }
        Ok(Self {
            first,
            last,
            of: PhantomData,
        })
    }
}

fn beyond<B: Bound>() -> TextFault {
    (
        format!("it is no number from 0 to {}", B::HIGHEST),
        format!(
            "write a number from 0 to {}, or two with a hyphen between them",
            B::HIGHEST
        ),
    )
}

fn number<B: Bound>(text: &str) -> Result<u32, TextFault> {
    // `u32::from_str` would accept a plus sign.
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(beyond::<B>)
}

impl<B: Bound> FromStr for NumberRange<B> {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for text that is not such a number or range.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        number::<B>(first.trim_end())
            .and_then(|first| Self::checked(first, number::<B>(last.trim_start())?))
            .map_err(|refusal| refused(B::WHAT, text, refusal))
    }
}

from_text! {
    {B: Bound} NumberRange<B>;
}

macro_rules! from_numbers {
    ($($bound:ident: $number:ty;)*) => {$(
        impl From<$number> for NumberRange<$bound> {
            fn from(number: $number) -> Self {
                Self {
                    first: number.into(),
                    last: number.into(),
                    of: PhantomData,
                }
            }
        }

        impl TryFrom<RangeInclusive<$number>> for NumberRange<$bound> {
            type Error = Error;

            /// # Errors
            /// Those of [`new`](NumberRange::new).
            fn try_from(range: RangeInclusive<$number>) -> Result<Self, Error> {
                let (first, last) = range.into_inner();
                Self::new(first.into()..=last.into())
            }
        }
    )*};
}

from_numbers! {
    Port: u16;
    Ttl: u8;
    InterfaceIndex: u32;
}

impl<B> fmt::Display for NumberRange<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ports(text: &str) -> NumberRange<Port> {
        text.parse().unwrap()
    }

    #[test]
    fn range_is_a_number_or_both_its_ends() {
        assert!(ports("443").matches(443_u16) && !ports("443").matches(442_u16));
        let range = ports("8000-8999");
        assert!(range.matches(8000_u16) && range.matches(8999_u16));
        assert!(!range.matches(7999_u16) && !range.matches(9000_u16));
        assert_eq!(ports("80 - 90"), (80..=90).try_into().unwrap());
        assert_eq!(ports("0-65535").to_string(), "0-65535");
        assert_eq!(ports("7-7").to_string(), "7");
    }

    #[test]
    fn pattern_errors_name_the_correct_form() {
        for (text, part) in [
            ("", "no number from 0 to 65535"),
            ("65536", "no number from 0 to 65535"),
            ("-1", "no number"),
            ("1-", "no number"),
            ("+1", "no number"),
            ("http", "no number"),
            ("1-2-3", "no number"),
            ("90-80", "ends before it starts"),
            ("80,90", "no number"),
        ] {
            let error = text.parse::<NumberRange<Port>>().unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().starts_with("cannot use the port `"));
            assert!(error.remedy().is_some());
        }
        let error = "90-80".parse::<NumberRange<Port>>().unwrap_err();
        assert_eq!(error.remedy(), Some("write the lower end first: `80-90`"));
        assert!("256".parse::<NumberRange<Ttl>>().is_err());
        assert!("1048576".parse::<NumberRange<FlowLabel>>().is_err());
        assert!("4294967296".parse::<NumberRange<InterfaceIndex>>().is_err());
        assert!(NumberRange::<Port>::new(1..=65_536).is_err());
        let (high, low) = (90_u16, 80);
        assert!(NumberRange::<Port>::try_from(high..=low).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_a_range_or_an_error(text in "\\PC{0,20}|[0-9 +-]{0,12}") {
            if let Ok(range) = text.parse::<NumberRange<FlowLabel>>() {
                prop_assert!(range.first() <= range.last());
                prop_assert_eq!(range.to_string().parse::<NumberRange<FlowLabel>>().unwrap(), range);
            }
        }
    }
}
