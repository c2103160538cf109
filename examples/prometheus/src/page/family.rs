//! A metric and its series.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use crate::count::Exemplar;

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Decreases only when it restarts.
    Counter,
    /// May decrease.
    Gauge,
}

/// A metric: its name without `_total`, and its meaning in one sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

pub(super) const fn counter(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: Kind::Counter,
        help,
    }
}

pub(super) const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: Kind::Gauge,
        help,
    }
}

impl Family {
    /// Returns the unit, with which the name must end.
    pub(super) fn unit(&self) -> Option<&'static str> {
        let last = self.name.rsplit('_').next();
        ["bytes", "seconds"]
            .into_iter()
            .find(|unit| last == Some(*unit))
    }
}

/// The number of a sample. Integers are written exactly, although readers lose digits beyond 2^53.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(u64),
    Seconds(Duration),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Seconds(time) => write!(f, "{}.{:09}", time.as_secs(), time.subsec_nanos()),
        }
    }
}

/// Formatted label values, `name="value",..`. Empty ones are omitted, because they mean the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(String);

impl Labels {
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        let before = self.0.len();
        // Writing to a string does not fail.
        let _ = write!(self.0, "{}{name}=\"", if before == 0 { "" } else { "," });
        let begin = self.0.len();
        let _ = write!(Escaped(&mut self.0), "{value}");
        if self.0.len() == begin {
            self.0.truncate(before);
        } else {
            self.0.push('"');
        }
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Escapes `\`, `"` and line breaks, as both formats require.
pub(super) struct Escaped<'a>(pub(super) &'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// A value of a family.
pub(super) struct Sample<'a> {
    pub(super) labels: &'a Labels,
    /// An additional label, for the two directions of a flow.
    pub(super) more: Option<(&'static str, &'static str)>,
    pub(super) value: Number,
    pub(super) exemplar: Option<&'a Exemplar>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped_and_empty_labels_omitted() {
        let labels = Labels::default()
            .with("a", "ö\"\\\n0")
            .with("b", "")
            .with("c", 7);
        assert_eq!(labels.as_str(), r#"a="ö\"\\\n0",c="7""#);
        assert_eq!(Labels::default().with("a", "").as_str(), "");
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(
            Number::Seconds(Duration::new(1, 7)).to_string(),
            "1.000000007"
        );
        assert_eq!(Number::Whole(u64::MAX).to_string(), "18446744073709551615");
    }

    #[test]
    fn unit_is_the_name_suffix() {
        assert_eq!(counter("a_bytes", "").unit(), Some("bytes"));
        assert_eq!(counter("bytes_a", "").unit(), None);
    }
}
