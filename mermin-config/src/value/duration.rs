//! Durations in a format for people.

use std::{fmt, time::Duration};

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// Longer durations are mistakes.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A duration above zero, at most 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositiveDuration(Duration);

impl PositiveDuration {
    /// Creates it, if the duration is valid.
    #[must_use]
    pub fn new(duration: Duration) -> Option<Self> {
        (!duration.is_zero() && duration <= LONGEST).then_some(Self(duration))
    }

    /// Creates a default, checked at compile time.
    pub(crate) const fn seconds<const SECONDS: u64>() -> Self {
        const { assert!(SECONDS > 0 && SECONDS <= LONGEST.as_secs()) };
        Self(Duration::from_secs(SECONDS))
    }

    /// Returns the duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for PositiveDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0))
    }
}

/// Formats it as `1h30m`, in the format that is read.
fn written(duration: Duration) -> String {
    humantime::format_duration(duration)
        .to_string()
        .replace(' ', "")
        .replace("days", "d")
        .replace("day", "d")
}

/// Reads a duration that `fits`.
fn read(
    node: &Node,
    reader: &mut Reader,
    shape: &Shape,
    fits: fn(Duration) -> bool,
) -> Option<Duration> {
    let text = text(node, reader, shape)?;
    match humantime::parse_duration(text) {
        Ok(duration) if fits(duration) => Some(duration),
        Ok(duration) if duration.is_zero() => reader.invalid(node, text, "it is zero", shape),
        Ok(_) => reader.invalid(node, text, "it is more than 365 days", shape),
        Err(_) => reader.invalid(node, text, "it is no duration", shape),
    }
}

impl ConfigValue for PositiveDuration {
    fn shape() -> Shape {
        Shape::leaf(
            "duration",
            "above zero, such as `500ms`, `28s`, `5m` or `1h30m`",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let fits = |duration| Self::new(duration).is_some();
        read(node, reader, &Self::shape(), fits).map(Self)
    }

    fn write(&self) -> HclValue {
        HclValue::text(self)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self::new(Duration::arbitrary(entropy)).unwrap_or(Self::seconds::<1>())
    }
}

impl ConfigValue for Duration {
    fn shape() -> Shape {
        Shape::leaf("duration", "such as `28s` or `5m`; `0s` for at once")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        read(node, reader, &Self::shape(), |duration| duration <= LONGEST)
    }

    fn write(&self) -> HclValue {
        HclValue::text(&written(*self))
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap();
        Duration::from_nanos(entropy.number() % (longest + 1))
    }
}
