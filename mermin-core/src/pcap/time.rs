//! Time stamps as nanoseconds since 1970.

/// The last moment told: 2262-04-11. Later ones, which only damage can make, are told as this.
pub(super) const LAST: u64 = i64::MAX.cast_unsigned();

const NANOSECONDS: u64 = 1_000_000_000;

/// The unit of a time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Each unit has so many nanoseconds.
    Multiply(u64),
    /// A nanosecond has so many units.
    Divide(u64),
    /// A second has two to this power.
    Shift(u32),
    /// Finer than 64 bits can tell: every time is 1970.
    Finest,
}

impl Resolution {
    pub(super) const MICROSECONDS: Self = Self::Multiply(1_000);
    pub(super) const NANOSECONDS: Self = Self::Multiply(1);

    /// From pcapng's `if_tsresol`: a power of ten, or of two with the highest bit set.
    pub(super) fn from_option(value: u8) -> Self {
        let power = u32::from(value & 0x7f);
        if value & 0x80 != 0 {
            return Self::Shift(power);
        }
        match (power.checked_sub(9), 9_u32.checked_sub(power)) {
            (_, Some(more)) => Self::Multiply(10_u64.pow(more)),
            (Some(less), _) => 10_u64.checked_pow(less).map_or(Self::Finest, Self::Divide),
            (None, None) => Self::Finest,
        }
    }

    /// Nanoseconds.
    pub(super) fn nanoseconds(self, units: u64) -> u64 {
        match self {
            Self::Multiply(factor) => units.saturating_mul(factor),
            Self::Divide(divisor) => units / divisor,
            Self::Shift(power) => {
                let seconds = u128::from(units) * u128::from(NANOSECONDS);
                u64::try_from(seconds.checked_shr(power).unwrap_or(0)).unwrap_or(u64::MAX)
            }
            Self::Finest => 0,
        }
    }
}

/// A time stamp of pcapng: units, and seconds to add to them.
pub(super) fn stamp(units: u64, resolution: Resolution, offset: i64) -> u64 {
    let nanoseconds = resolution.nanoseconds(units);
    let added = offset.unsigned_abs().saturating_mul(NANOSECONDS);
    let moment = if offset < 0 {
        nanoseconds.saturating_sub(added)
    } else {
        nanoseconds.saturating_add(added)
    };
    moment.min(LAST)
}

/// A time stamp of pcap: seconds, and a fraction of one that may hold more than a second.
pub(super) fn classic(seconds: u32, fraction: u32, resolution: Resolution) -> u64 {
    u64::from(seconds) * NANOSECONDS + resolution.nanoseconds(u64::from(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_and_of_two() {
        let second = |option: u8, units: u64| Resolution::from_option(option).nanoseconds(units);
        assert_eq!(second(0, 3), 3 * NANOSECONDS);
        assert_eq!(second(3, 1_500), 1_500_000_000);
        assert_eq!(second(6, 1), 1_000);
        assert_eq!(second(9, 7), 7);
        assert_eq!(second(12, 7_999), 7);
        assert_eq!(second(0x80, 3), 3 * NANOSECONDS);
        assert_eq!(second(0x8a, 1536), 1_500_000_000);
        assert_eq!(second(0xa0, 1 << 31), 500_000_000);
        assert_eq!(second(0xff, u64::MAX), 0);
        assert_eq!(second(127, u64::MAX), 0);
        assert_eq!(second(28, u64::MAX), 1);
    }

    #[test]
    fn huge_times_end_at_the_last_moment() {
        assert_eq!(stamp(u64::MAX, Resolution::MICROSECONDS, 0), LAST);
        assert_eq!(stamp(u64::MAX, Resolution::from_option(0), i64::MAX), LAST);
        assert_eq!(stamp(5, Resolution::NANOSECONDS, i64::MIN), 0);
        assert_eq!(stamp(5, Resolution::NANOSECONDS, -1), 0);
        assert_eq!(
            stamp(2 * NANOSECONDS, Resolution::NANOSECONDS, -1),
            NANOSECONDS
        );
        assert!(classic(u32::MAX, u32::MAX, Resolution::MICROSECONDS) <= LAST);
        assert_eq!(
            classic(1, 1_000_001, Resolution::MICROSECONDS),
            2_000_001_000
        );
    }
}
