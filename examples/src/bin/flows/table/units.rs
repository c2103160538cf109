//! Short forms of times, amounts and long texts.

use std::time::{SystemTime, UNIX_EPOCH};

/// Formats hours, minutes and seconds of the day in UTC, as in ISO 8601: `01:01:02Z`.
pub(super) fn clock(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "{:02}:{:02}:{:02}Z",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Formats a number: exact up to 9,999, then in thousands, millions and so on; six characters at most.
pub(super) fn amount(number: u64) -> String {
    if number < 10_000 {
        return number.to_string();
    }
    let mut tenths = number / 100;
    let mut units = ['k', 'M', 'G', 'T', 'P', 'E'].into_iter();
    let mut unit = units.next().unwrap_or('k');
    for next in units {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        unit = next;
    }
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

/// Formats a duration in at most six characters.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 99.95 {
        format!("{seconds:.1}s")
    } else if seconds < 100.0 * 60.0 {
        format!("{:.0}m", seconds / 60.0)
    } else {
        format!("{:.0}h", seconds / 3_600.0)
    }
}

/// Shortens a text to `width` characters. It keeps beginning and end, so the port stays.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept.div_ceil(2);
    let head = text.chars().take(kept - tail);
    head.chain(['…'])
        .chain(text.chars().skip(length - tail))
        .collect()
}

/// Returns the first `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head = text.chars().take(width.saturating_sub(1));
    head.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_durations_fit_six_characters() {
        for (number, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (999_999, "999.9k"),
            (1_000_000, "1.0M"),
            (12_345_678, "12.3M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(amount(number), text);
        }
        for power in 0..20 {
            assert!(amount(10_u64.pow(power)).len() <= 6);
        }
        for (seconds, text) in [
            (0.0, "0.0s"),
            (99.9, "99.9s"),
            (99.96, "2m"),
            (7_200.0, "2h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn shortened_text_keeps_both_ends() {
        assert_eq!(shortened("[2001:db8::1]:443", 11), "[2001…]:443");
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 1), "…");
        assert_eq!(cut("neighbor_solicitation", 12), "neighbor_so…");
        assert_eq!(cut("syn_received", 12), "syn_received");
    }
}
