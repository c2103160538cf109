//! Prints the fate of records, for people.

use std::fmt::Write as _;

use mermin_core::sink::{DropReason, SinkStats};

use crate::visible;

/// Returns one line for each target: records accepted, delivered, retried, dropped by reason, and the last error.
#[must_use]
pub fn table(rows: &[(&str, SinkStats)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:<width$} {:>12} {:>12} {:>12} {:>12}\n",
        "", "accepted", "delivered", "retried", "dropped"
    );
    for (name, stats) in rows {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{name:<width$} {:>12} {:>12} {:>12} {:>12}",
            stats.accepted,
            stats.delivered,
            stats.retried,
            stats.dropped_in_all()
        );
        for reason in DropReason::ALL {
            let dropped = stats.dropped_by(reason);
            if dropped != 0 {
                let _ = write!(text, "  {reason}: {dropped}");
            }
        }
        if let Some(error) = &stats.last_error {
            let _ = write!(text, "  (last error: {})", visible(error));
        }
        text.push('\n');
    }
    text
}

/// Prints on standard error how many records a target may have twice, and a remedy if there is one.
pub fn say_duplicates(target: &str, doubled: u64, remedy: &str) {
    eprint!("{}", words_of_duplicates(target, doubled, remedy));
}

fn words_of_duplicates(target: &str, doubled: u64, remedy: &str) -> String {
    match doubled {
        0 => String::new(),
        1 => format!("`{target}` may have 1 record twice: {remedy}\n"),
        many => format!("`{target}` may have {many} records twice: {remedy}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_duplicates_are_reported() {
        for (count, said) in [
            (0, ""),
            (1, "`kafka://a/b` may have 1 record twice: drop it\n"),
            (7, "`kafka://a/b` may have 7 records twice: drop it\n"),
        ] {
            assert_eq!(words_of_duplicates("kafka://a/b", count, "drop it"), said);
        }
    }

    #[test]
    fn drop_reasons_and_last_error_are_reported() {
        let mut stats = SinkStats::default();
        stats.accepted = 12;
        stats.delivered = 5;
        stats.retried = 3;
        stats.dropped[DropReason::Closed as usize] = 7;
        stats.last_error = Some("do\nwn".to_owned());
        assert_eq!(
            table(&[("json:a", SinkStats::default()), ("ipfix://b", stats)]),
            "              accepted    delivered      retried      dropped\n\
             json:a               0            0            0            0\n\
             ipfix://b           12            5            3            7  closed: 7  (last error: do\\nwn)\n"
        );
    }
}
