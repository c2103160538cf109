//! Times in RFC 3339 format, in UTC.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::attributes::render::{eight_digits, pair};

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A time as text, with this number of decimals of a second, at most nine. Further decimals are cut off, not rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rfc3339 {
    pub(crate) time: SystemTime,
    pub(crate) decimals: u8,
}

/// Returns year, month and day of a day number counted from 1970-01-01 in the proleptic Gregorian calendar.
///
/// The computation uses years that begin in March, from 0000-03-01, so a leap day is the last day of its year. It counts
/// in eras of 400 years, which all have 146,097 days.
fn civil(day: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    const MARCH_0000_TO_1970: i64 = 719_468;
    let shifted = day + MARCH_0000_TO_1970;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days, repeated: 153 in five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

/// Returns nanoseconds since 1970, negative before.
fn nanos(time: SystemTime) -> i128 {
    let signed = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

/// Octets of a time between 1970 and 9999 with nine decimals: `2025-11-23T00:00:00.000000005Z`.
pub(crate) const LENGTH: usize = 30;

/// Formats times with nine decimals. It keeps the last date, because the next time usually has the same date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NineDecimals {
    day: u64,
    date: [u8; 10],
}

impl Default for NineDecimals {
    fn default() -> Self {
        Self {
            day: 0,
            date: *b"1970-01-01",
        }
    }
}

impl NineDecimals {
    /// Formats a time. `None` before 1970, and after 9999, when a year has more digits.
    #[inline]
    pub(crate) fn text(&mut self, time: SystemTime) -> Option<[u8; LENGTH]> {
        const DAY: u64 = SECONDS_PER_DAY.unsigned_abs();
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        let (day, of_day) = (since.as_secs() / DAY, since.as_secs() % DAY);
        if day != self.day {
            self.date = date(day)?;
            self.day = day;
        }
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        text[..10].copy_from_slice(&self.date);
        let of_day = u32::try_from(of_day).unwrap_or(0);
        for (at, number) in [
            (11, of_day / 3_600),
            (14, of_day / 60 % 60),
            (17, of_day % 60),
        ] {
            text[at..at + 2].copy_from_slice(&pair(number.into()));
        }
        let nanos = since.subsec_nanos();
        let eight = eight_digits(nanos / 10) | 0x3030_3030_3030_3030;
        text[20..28].copy_from_slice(&eight.to_le_bytes());
        text[28] = pair((nanos % 10).into())[1];
        Some(text)
    }
}

/// Formats the date of a day number. `None` after 9999.
#[cold]
fn date(day: u64) -> Option<[u8; 10]> {
    let (year, month, day) = civil(i64::try_from(day).ok()?);
    if year > 9_999 {
        return None;
    }
    let mut text = *b"0000-00-00";
    for (at, number) in [(0, year / 100), (2, year % 100), (5, month), (8, day)] {
        text[at..at + 2].copy_from_slice(&pair(number.unsigned_abs()));
    }
    Some(text)
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = nanos(self.time);
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).unwrap_or(i64::MAX);
        let fraction = nanos.rem_euclid(NANOS_PER_SECOND);
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        let decimals = usize::from(self.decimals.min(9));
        if decimals > 0 {
            let cut = fraction / 10_i128.pow(9 - u32::from(self.decimals.min(9)));
            write!(f, ".{cut:0decimals$}")?;
        }
        f.write_str("Z")
    }
}

/// Returns the day number of a date, counted from 1970-01-01: the inverse of [`civil`].
#[cfg(feature = "serde")]
fn day(year: i64, month: i64, day: i64) -> i64 {
    // January and February belong to the previous year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// Reads a time in UTC as [`Rfc3339`] shows it, with up to nine decimals. `None` if there is no such date or time.
#[cfg(feature = "serde")]
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    /// The last year that 64 bits of seconds can represent.
    const LAST_YEAR: i64 = 292_277_026_596;

    fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
        let numbers: Option<Vec<i64>> = text
            .split(between)
            .map(|part| match part.as_bytes() {
                [b'0'..=b'9', ..] => part.parse().ok(),
                _ => None,
            })
            .collect();
        numbers?.try_into().ok()
    }
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    // A negative year begins with the character that separates the parts of a date.
    let (sign, date) = match date.strip_prefix('-') {
        Some(date) => (-1, date),
        None => (1, date),
    };
    let [year, month, day_of_month] = numbers::<3>(date, '-')?;
    if year > LAST_YEAR || month > 12 || day_of_month > 31 {
        return None;
    }
    let day = day(sign * year, month, day_of_month);
    if civil(day) != (sign * year, month, day_of_month) {
        return None;
    }
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers::<3>(clock, ':')?;
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 {
        return None;
    }
    let [fraction] = numbers::<1>(&format!("{fraction:0<9}"), '.')?;
    let seconds = day.checked_mul(SECONDS_PER_DAY)? + hour * 3_600 + minute * 60 + second;
    let fraction = Duration::from_nanos(fraction.unsigned_abs());
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    time?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time: SystemTime, decimals: u8) -> String {
        Rfc3339 { time, decimals }.to_string()
    }

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn known_times_are_written_as_dates() {
        // Output of `date -u -d @N +%FT%TZ`.
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_763_856_000, "2025-11-23T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(shown(at(seconds, 0), 0), text);
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn out_of_range_time_is_none() {
        for text in [
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-9223372036854775807-01T00:00:00Z",
            "292277026597-01-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:60Z",
            "2025-01-01T00:00:00.0000000001Z",
            "2025-01-01T00:00:00+01:00",
            "2025-01-01 00:00:00Z",
            "2025-01-01T00:00Z",
            "2025-+1-01T00:00:00Z",
            "2025-01-01T00:00:00.-1Z",
            "9223372036854775807-01-01T00:00:00Z",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let short = "1970-01-01T00:00:00.5Z";
        assert_eq!(parse(short), Some(at(0, 500_000_000)));
    }

    #[cfg(feature = "serde")]
    proptest::proptest! {
        #[test]
        fn any_time_round_trips(seconds in -70_000_000_000_i64..300_000_000_000, nanos in 0..1_000_000_000_u32) {
            let whole = Duration::from_secs(seconds.unsigned_abs());
            let time = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
            let time = time + Duration::new(0, nanos);
            let text = Rfc3339 { time, decimals: 9 }.to_string();
            proptest::prop_assert_eq!(parse(&text), Some(time), "{}", text);
        }
    }

    #[test]
    fn decimals_are_cut_and_padded() {
        assert_eq!(shown(at(1, 5), 9), "1970-01-01T00:00:01.000000005Z");
        assert_eq!(shown(at(1, 999_999_999), 3), "1970-01-01T00:00:01.999Z");
        assert_eq!(
            shown(UNIX_EPOCH - Duration::from_nanos(1), 9),
            "1969-12-31T23:59:59.999999999Z"
        );
    }

    #[test]
    fn nine_decimals_are_as_they_are_shown() {
        for seconds in [0, 1, 951_782_400, 1_763_856_000, 253_402_300_799] {
            for nanos in [0, 5, 123_456_789, 999_999_999] {
                let time = at(seconds, nanos);
                let text = NineDecimals::default().text(time).unwrap();
                assert_eq!(str::from_utf8(&text).unwrap(), shown(time, 9));
            }
        }
        let text = |time| NineDecimals::default().text(time);
        assert_eq!(text(at(253_402_300_800, 0)), None);
        assert_eq!(text(UNIX_EPOCH - Duration::from_nanos(1)), None);
    }

    #[test]
    fn days_follow_each_other() {
        let lengths = |leap: bool| {
            [
                31,
                if leap { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ]
        };
        let mut day = civil(0);
        for number in 1..200_000 {
            let (year, month, of_month) = day;
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let next = if of_month < lengths(leap)[usize::try_from(month).unwrap() - 1] {
                (year, month, of_month + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            day = civil(number);
            assert_eq!(day, next);
        }
    }
}
