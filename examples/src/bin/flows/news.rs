//! Finds changes of the report since the last check.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use mermin_core::Report;
use mermin_examples::shell::Program;

use crate::status::plural;

/// Interval between two checks of the report.
const PERIOD: Duration = Duration::from_secs(1);
/// A line that reappears sooner than this is not printed again, because packets bypass a hook in bursts.
#[expect(
    clippy::duration_suboptimal_units,
    reason = "`from_mins` takes Rust 1.91"
)]
const FORGOTTEN: Duration = Duration::from_secs(5 * 60);
/// Largest number of names in a line.
const MOST: usize = 20;

/// Lines that were printed.
#[derive(Debug)]
pub(crate) struct News {
    /// Lines without their numbers, which increase, and the time when each was last in the report.
    said: HashMap<String, Instant>,
    watched: BTreeMap<u32, Arc<str>>,
    next: Instant,
}

impl News {
    /// Creates the state from the report of a new source; returns it and the text to print.
    pub(crate) fn of(report: &Report, now: Instant) -> (Self, String) {
        let mut news = Self {
            said: HashMap::new(),
            watched: watched(report),
            next: now + PERIOD,
        };
        let text = news.lines(report, now) + &watching(&news.watched);
        (news, text)
    }

    /// Returns the new lines, if a check is due.
    pub(crate) fn since(&mut self, report: impl FnOnce() -> Report, now: Instant) -> String {
        if now < self.next {
            return String::new();
        }
        self.next = now + PERIOD;
        let report = report();
        let lines = self.lines(&report, now);
        let before = std::mem::replace(&mut self.watched, watched(&report));
        let come = names(&self.watched, &before);
        let gone = names(&before, &self.watched);
        let interfaces = [("now also watching", come), ("no longer watching", gone)];
        let changes = interfaces
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what} {names}\n"));
        lines + &changes.collect::<String>()
    }

    fn lines(&mut self, report: &Report, now: Instant) -> String {
        let text = Program::Flows.words(&report.to_string());
        let mut new = String::new();
        for line in text.lines() {
            if self.said.insert(numberless(line), now).is_none() {
                new.push_str(line);
                new.push('\n');
            }
        }
        self.said
            .retain(|_, seen| now.saturating_duration_since(*seen) < FORGOTTEN);
        new
    }
}

/// Returns a line without its numbers. A digit within a name stays: `eth0` and `eth1` are two.
fn numberless(line: &str) -> String {
    let mut is_name = false;
    let known = line.chars().filter(|it| {
        let is_number = it.is_ascii_digit() && !is_name;
        let begins = it.is_alphabetic();
        is_name = begins || is_name && (it.is_alphanumeric() || matches!(it, '_' | '.' | '-'));
        !is_number
    });
    known.collect()
}

fn watched(report: &Report) -> BTreeMap<u32, Arc<str>> {
    let each = report.interfaces.iter();
    each.map(|it| (it.index, Arc::clone(&it.name))).collect()
}

/// Formats `watching 2 interfaces: eth0, lo`: capturing has begun.
fn watching(watched: &BTreeMap<u32, Arc<str>>) -> String {
    if watched.is_empty() {
        return "watching no interface yet\n".to_owned();
    }
    let count = watched.len() as u64;
    format!(
        "watching {count} {}: {}\n",
        plural(count, "interface"),
        names(watched, &BTreeMap::new())
    )
}

/// Returns the names that are not among others, shortened if there are thousands.
fn names(of: &BTreeMap<u32, Arc<str>>, but: &BTreeMap<u32, Arc<str>>) -> String {
    let names: Vec<&str> = of
        .iter()
        .filter(|(index, name)| but.get(*index) != Some(*name))
        .map(|(_, name)| &**name)
        .collect();
    let shown = names[..names.len().min(MOST)].join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::report::Notice;

    use super::*;

    fn report(notices: &[String]) -> Report {
        let mut report = Report::default();
        report.notices = notices
            .iter()
            .map(|it| Notice::new("", it.clone()))
            .collect();
        report
    }

    #[test]
    fn notice_is_printed_once_whatever_its_numbers() {
        let start = Instant::now();
        let unseen = |packets: u32| report(&[format!("{packets} packets came")]);
        let (mut news, said) = News::of(&unseen(16), start);
        assert_eq!(said, "notice: 16 packets came\nwatching no interface yet\n");
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(news.since(|| unseen(99), at(1)), "");
        assert_eq!(news.since(|| report(&[]), at(6)), "");
        assert_eq!(news.since(|| unseen(7), at(11)), "");
        let two = || report(&["7 packets came".to_owned(), "another".to_owned()]);
        assert_eq!(news.since(two, at(12)), "notice: another\n");
        // The report is not read before a check is due.
        assert_eq!(news.since(|| panic!("too early"), at(12)), "");
        assert_eq!(news.since(|| report(&[]), at(400)), "");
        assert_eq!(
            news.since(|| unseen(1), at(401)),
            "notice: 1 packets came\n"
        );
    }

    #[test]
    fn each_interface_has_its_own_line() {
        let start = Instant::now();
        let lines = |names: &[&str]| {
            let lines = names.iter();
            report(
                &lines
                    .map(|it| format!("`{it}`: 7 fall back"))
                    .collect::<Vec<_>>(),
            )
        };
        let (mut news, said) = News::of(&lines(&["eth0", "eth1"]), start);
        assert_eq!(said.matches("fall back").count(), 2, "{said}");
        let later = start + PERIOD;
        let said = news.since(|| lines(&["eth0", "eth1", "eth0.100", "veth1a2"]), later);
        assert_eq!(
            said,
            "notice: `eth0.100`: 7 fall back\nnotice: `veth1a2`: 7 fall back\n"
        );
    }

    #[test]
    fn added_and_removed_interfaces_are_named() {
        let map = |names: &[(u32, &str)]| -> BTreeMap<u32, Arc<str>> {
            let each = names.iter();
            each.map(|(index, name)| (*index, Arc::from(*name)))
                .collect()
        };
        let (before, after) = (
            map(&[(1, "lo"), (2, "eth0")]),
            map(&[(1, "lo"), (3, "eth1")]),
        );
        assert_eq!(watching(&before), "watching 2 interfaces: lo, eth0\n");
        assert_eq!(
            (names(&after, &before), names(&before, &after)),
            ("eth1".into(), "eth0".into())
        );
        let many: Vec<(u32, String)> = (0..50).map(|index| (index, format!("v{index}"))).collect();
        let many: Vec<(u32, &str)> = many.iter().map(|(index, name)| (*index, &**name)).collect();
        assert!(watching(&map(&many)).ends_with("v19 and 30 more\n"));
    }
}
