//! Time stamps as nanoseconds since 1970.

/// The time of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// Nanoseconds since 1970, negative for earlier times. The range is 1677-09-21 to 2262-04-11. Only damage causes a
    /// time outside it, which becomes the nearest time within it.
    pub(crate) at: i64,
    /// The resolution in nanoseconds.
    pub(crate) resolution: u64,
}

const NANOSECONDS: u64 = 1_000_000_000;

/// The unit of a time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// A unit has this many nanoseconds.
    Multiply(u64),
    /// A nanosecond has this many units.
    Divide(u64),
    /// A second has two to this power units.
    Shift(u32),
    /// The unit is so small that 64 bits of units are less than a nanosecond: every time becomes 1970.
    Finest,
}

impl Resolution {
    pub(super) const MICROSECONDS: Self = Self::Multiply(1_000);
    pub(super) const NANOSECONDS: Self = Self::Multiply(1);

    /// Reads `if_tsresol` of pcapng: a power of ten, or a power of two if the highest bit is set.
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

    /// Returns the resolution in nanoseconds: at least one.
    const fn unit(self) -> u64 {
        match self {
            Self::Multiply(factor) => factor,
            Self::Shift(power) => match NANOSECONDS.checked_shr(power) {
                Some(unit) if unit != 0 => unit,
                _ => 1,
            },
            Self::Divide(_) | Self::Finest => 1,
        }
    }

    /// Converts units to nanoseconds.
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

/// Converts a time stamp of pcapng: units, and seconds to add to them.
pub(super) fn stamp(units: u64, resolution: Resolution, offset: i64) -> Time {
    let moment =
        i128::from(resolution.nanoseconds(units)) + i128::from(offset) * i128::from(NANOSECONDS);
    let limit = if moment < 0 { i64::MIN } else { i64::MAX };
    Time {
        at: i64::try_from(moment).unwrap_or(limit),
        resolution: resolution.unit(),
    }
}

/// Converts a time stamp of pcap: seconds, and a fraction that may exceed a second.
pub(super) fn classic(seconds: u32, fraction: u32, resolution: Resolution) -> Time {
    let moment = u64::from(seconds) * NANOSECONDS + resolution.nanoseconds(u64::from(fraction));
    Time {
        at: i64::try_from(moment).unwrap_or(i64::MAX),
        resolution: resolution.unit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_units_are_powers_of_ten_or_two() {
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
    fn huge_times_saturate() {
        let at = |units, resolution, offset| stamp(units, resolution, offset).at;
        assert_eq!(at(u64::MAX, Resolution::MICROSECONDS, 0), i64::MAX);
        assert_eq!(at(u64::MAX, Resolution::from_option(0), i64::MAX), i64::MAX);
        assert_eq!(at(5, Resolution::NANOSECONDS, i64::MIN), i64::MIN);
        let of_pcap = |seconds, fraction| classic(seconds, fraction, Resolution::MICROSECONDS).at;
        assert!(of_pcap(u32::MAX, u32::MAX) > 4_294_967_295_000_000_000);
        assert_eq!(of_pcap(1, 1_000_001), 2_000_001_000);
    }

    #[test]
    fn time_before_1970_is_negative() {
        let at = |units, offset| stamp(units, Resolution::NANOSECONDS, offset).at;
        assert_eq!(at(5, -1), 5 - 1_000_000_000);
        assert_eq!(at(2 * NANOSECONDS, -1), 1_000_000_000);
        assert_eq!(at(0, -86_400), -86_400_000_000_000);
    }

    #[test]
    fn time_is_as_exact_as_its_unit() {
        let unit = |option| stamp(1, Resolution::from_option(option), 0).resolution;
        assert_eq!(
            [0, 3, 6, 9, 12, 127].map(unit),
            [1_000_000_000, 1_000_000, 1_000, 1, 1, 1]
        );
        assert_eq!(
            [0x80, 0x8a, 0xa0, 0xff].map(unit),
            [1_000_000_000, 976_562, 1, 1]
        );
    }
}
