//! Points in time as one word.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: nanoseconds since 1970, up to the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// Later than all others: the end of what has not ended.
    pub const MAX: Self = Self(u64::MAX);

    /// Reads RFC 3339, as objects have it: `2026-11-30T08:30:00Z`.
    ///
    /// ```
    /// use mermin_kubernetes::Moment;
    ///
    /// assert!(Moment::parse("2026-11-30T08:30:00Z") < Moment::parse("2026-11-30T08:30:00.000001Z"));
    /// assert_eq!(Moment::parse("yesterday"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        humantime::parse_rfc3339(text).ok().map(Into::into)
    }

    /// Returns this time and a duration.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Returns this time less a duration.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// Returns the time since an earlier moment, zero since a later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        Self(nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}
