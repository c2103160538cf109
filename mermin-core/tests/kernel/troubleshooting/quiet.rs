//! A capture without records, for a reason in the report or the statistics.

use mermin_core::{
    FlowSource, Stats,
    filter::{Filter, Rule},
};

use super::{Symptom, open, row};
use crate::{
    namespaces,
    support::{
        frame,
        host::{Host, Pair},
        traffic::Injector,
        wait::until,
        watch::{Watch, on, try_open},
    },
};

pub(super) const ROWS: &[Symptom] = &[
    row!("`cannot find the interface`", symptom_interface),
    row!("`no longer leads to`", symptom_deleted),
    row!("`matches no interface`", symptom_pattern),
    row!(
        "`matches no interface` .. `it fits a part of`",
        symptom_part_of_a_name
    ),
    row!(
        "`the exclude pattern` .. `fits a part of`",
        symptom_exclude_part
    ),
    row!(
        "`notice:` .. `fits no interface there is now`",
        symptom_exclude_nothing
    ),
    row!("`no interface matches`", symptom_all_instead),
    row!("`no interface is up`", symptom_down),
    row!(
        "`1 flow open`, `0 records` in the statistics",
        symptom_no_record_yet
    ),
    row!(
        "`0 flows open` and `0 packets` in the statistics",
        symptom_no_traffic
    ),
    row!(
        "`0 records` .. `filtered` in the statistics",
        symptom_filtered
    ),
];

fn symptom_interface() -> String {
    let pair = Pair::new();
    let said = pair.near.run(|| open(on("v9")));
    assert!(
        said.contains("name one of those there are: lo, v0"),
        "{said}"
    );
    said
}

fn symptom_deleted() -> String {
    format!("{:?}", namespaces::deleted())
}

fn symptom_pattern() -> String {
    let said = Pair::new().near.run(|| open(on("eth*")));
    assert!(said.contains("there are: lo, v0"), "{said}");
    said
}

fn symptom_part_of_a_name() -> String {
    let said = Pair::new().near.run(|| open(on("/^v/")));
    assert!(
        said.contains("`v0`") && said.contains("write `/v.*/`"),
        "{said}"
    );
    said
}

/// It is said whether the interface is chosen by a pattern or is one of all; and what is not left out is watched.
fn symptom_exclude_part() -> String {
    let pair = Pair::new();
    for options in [on("*"), FlowSource::builder().max_flows(64)] {
        let source = try_open(&pair.near, options.exclude(["/^v/"])).unwrap();
        let report = source.report();
        assert!(
            report.interfaces.iter().any(|it| &*it.name == "v0"),
            "{report:?}"
        );
        let said = report.to_string();
        assert!(
            said.contains("`v0`") && said.contains("write `/v.*/`"),
            "{said}"
        );
    }
    pair.near.run(|| open(on("*").exclude(["/^v/"])))
}

/// It is no degradation: under `strict` it opens.
fn symptom_exclude_nothing() -> String {
    let pair = Pair::new();
    let many = pair
        .near
        .run(|| open(on("v0").exclude(["x*", "lo", "y0"]).strict(true)));
    assert!(
        many.contains("the exclude patterns `x*`, `y0` fit no interface"),
        "{many}"
    );
    pair.near
        .run(|| open(on("v0").exclude(["x*"]).strict(true)))
}

fn symptom_all_instead() -> String {
    Pair::new()
        .near
        .run(|| open(on("eth*").fallback_to_all(true)))
}

/// Nothing but loopback.
fn symptom_down() -> String {
    Host::new().run(|| open(FlowSource::builder().max_flows(64)))
}

/// Frames of one flow, each way of one interface; the statistics when they fit.
fn statistics(watch: &Watch, pair: &Pair, frames: u64, fits: fn(&Stats) -> bool) -> String {
    let injector = Injector::new(&pair.near, "v0");
    for _ in 0..frames {
        injector.send(&frame::numbered(1));
    }
    until("the statistics", || {
        let stats = watch.stats();
        fits(&stats).then(|| stats.to_string())
    })
}

fn symptom_no_record_yet() -> String {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0"));
    let said = statistics(&watch, &pair, 3, |stats| stats.flows_open == 1);
    // It does end, and its record comes: with the idle timeout, or when the source is closed.
    watch.source.close();
    assert_eq!(watch.finish().flows.len(), 1);
    said
}

fn symptom_no_traffic() -> String {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0"));
    let said = statistics(&watch, &pair, 0, |stats| stats.sweeps > 2);
    let names: Vec<_> = watch.handle.report().interfaces;
    assert_eq!(&*names[0].name, "v0");
    said
}

fn symptom_filtered() -> String {
    let pair = Pair::new();
    let mut filter = Filter::default();
    filter.destination.port = Rule::not_matching([53]).unwrap();
    let options = on("v0").filter(filter);
    let options = options.udp_timeout(std::time::Duration::from_millis(100));
    let watch = Watch::open(&pair.near, options);
    let said = statistics(&watch, &pair, 3, |stats| stats.records_filtered == 1);
    assert_eq!(watch.finish_filtered().flows, []);
    said
}
