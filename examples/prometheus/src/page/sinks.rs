//! Metrics of records and of scrapes.

use mermin_core::sink::{DropReason, SinkStats};

use super::{
    family::{Family, Labels, Number, counter, gauge},
    text::Text,
};
use crate::serve::Scrapes;

type Of = fn(&SinkStats) -> Number;

const SINKS: [(Family, Of); 5] = [
    (
        counter(
            "mermin_export_accepted_records",
            "Records that a target's sink took over",
        ),
        |it| Number::Whole(it.accepted),
    ),
    (
        counter(
            "mermin_export_delivered_records",
            "Records that the target has, as far as is known",
        ),
        |it| Number::Whole(it.delivered),
    ),
    (
        counter(
            "mermin_export_retried_records",
            "Records that were given to the target again, each time",
        ),
        |it| Number::Whole(it.retried),
    ),
    (
        gauge(
            "mermin_export_waiting_records",
            "Records that wait for the target",
        ),
        |it| Number::Whole(it.waiting),
    ),
    (
        gauge(
            "mermin_export_oldest_record_age_seconds",
            "How long the oldest of them waits",
        ),
        |it| Number::Seconds(it.oldest.unwrap_or_default()),
    ),
];

const DROPPED: Family = counter(
    "mermin_export_dropped_records",
    "Records that were dropped, by reason",
);

/// Writes the metrics of each target by name.
pub(super) fn write(sinks: &[(String, SinkStats)], page: &mut Text) {
    if sinks.is_empty() {
        return;
    }
    for (family, number) in SINKS {
        let mut samples = page.family(family);
        for (name, stats) in sinks {
            let labels = Labels::default().with("target", name);
            samples.value(&labels, number(stats));
        }
    }
    let mut samples = page.family(DROPPED);
    for (name, stats) in sinks {
        for reason in DropReason::ALL {
            let labels = Labels::default()
                .with("target", name)
                .with("reason", reason);
            let value = Number::Whole(stats.dropped_by(reason));
            samples.value(&labels, value);
        }
    }
}

/// Writes the metrics of this page's own scrapers.
pub(super) fn write_own(scrapes: Scrapes, page: &mut Text) {
    let mut samples = page.family(counter(
        "mermin_scrapes",
        "Connections of scrapers, by how they ended",
    ));
    for (outcome, number) in [
        ("answered", scrapes.answered),
        ("broken", scrapes.broken),
        ("refused", scrapes.refused),
        ("too_slow", scrapes.too_slow),
    ] {
        let labels = Labels::default().with("outcome", outcome);
        samples.value(&labels, Number::Whole(number));
    }
}
