//! Progress of a capture file: share, rate and time left.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mermin_core::Stats;

/// Characters of the bar.
const BAR: usize = 20;
/// Time until rates are shown; earlier ones would be of a few reads.
const SOON: Duration = Duration::from_millis(200);

/// The reading of a capture.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    /// Length of the file in octets; none of a pipe.
    length: Option<u64>,
}

impl Progress {
    /// Begins the progress of the file at this path.
    pub(crate) fn of(path: &Path, now: Instant) -> Self {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        Self {
            began: now,
            length: found.map(|found| found.len()).filter(|length| *length > 0),
        }
    }

    /// Text of the status line.
    pub(crate) fn text(&self, stats: &Stats, now: Instant) -> String {
        let read = stats.capture_octets_read;
        let took = now.duration_since(self.began);
        let rates = rates(read, stats.packets, took);
        let Some(length) = self.length else {
            return format!("{} read{rates}", size(read));
        };
        // A file may grow while it is read.
        let length = length.max(read);
        let filled = usize::try_from(scaled(read, BAR as u128, length)).unwrap_or(BAR);
        let left = if read == 0 || took < SOON {
            String::new()
        } else {
            let millis = scaled(length - read, took.as_millis(), read);
            format!(", {} left", time(millis.div_ceil(1000)))
        };
        format!(
            "[{}{}] {:3} % of {}{rates}{left}",
            "#".repeat(filled),
            "-".repeat(BAR - filled),
            scaled(read, 100, length),
            size(length),
        )
    }
}

/// `number * factor / divisor`, rounded down; 0 of no divisor.
fn scaled(number: u64, factor: u128, divisor: u64) -> u64 {
    let scaled = (u128::from(number) * factor).checked_div(divisor.into());
    scaled.map_or(0, |it| u64::try_from(it).unwrap_or(u64::MAX))
}

fn rates(read: u64, packets: u64, took: Duration) -> String {
    if took < SOON {
        return String::new();
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let per_second = |number| scaled(number, 1000, millis);
    let (octets, packets) = (size(per_second(read)), per_second(packets));
    format!(", {octets}/s, {packets} packets/s")
}

/// Octets in two or three figures.
fn size(octets: u64) -> String {
    if octets < 1000 {
        return format!("{octets} B");
    }
    let mut tenths = octets / 100;
    let mut units = ["kB", "MB", "GB", "TB", "PB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = (tenths / 1000, next);
    }
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// `8 s`, `1:05`, `2:00:00`.
fn time(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: Option<u64>, read: u64, packets: u64, seconds: u64) -> String {
        let began = Instant::now();
        let mut stats = Stats::default();
        (stats.capture_octets_read, stats.packets) = (read, packets);
        let progress = Progress { began, length };
        progress.text(&stats, began + Duration::from_secs(seconds))
    }

    #[test]
    fn rate_and_time_left_follow_from_what_was_read() {
        for (length, read, seconds, expected) in [
            (
                Some(1_000_000_000),
                250_000_000,
                5,
                "[#####---------------]  25 % of 1.0 GB, 50 MB/s, 200 packets/s, 15 s left",
            ),
            (
                Some(2_000),
                2_000,
                1,
                "[####################] 100 % of 2.0 kB, 2.0 kB/s, 1000 packets/s, 0 s left",
            ),
            (
                Some(10),
                20,
                1,
                "[####################] 100 % of 20 B, 20 B/s, 1000 packets/s, 0 s left",
            ),
            (Some(10), 0, 0, "[--------------------]   0 % of 10 B"),
            (None, 1_500_000, 2, "1.5 MB read, 750 kB/s, 500 packets/s"),
        ] {
            assert_eq!(text(length, read, 1_000, seconds), expected);
        }
        assert!(text(Some(1_000_000), 100_000, 1, 8).ends_with(", 1:12 left"));
        assert!(text(Some(1_000_000), 1_000, 1, 8).ends_with(", 2:13:12 left"));
    }
}
