//! One message to browsers: all that the page shows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mermin_core::{Degradation, Stats, flow::Dropped};
use serde::Serialize;

use super::{
    facts::Facts,
    map::Map,
    model::Snapshot,
    row::{Row, Scale},
    talkers::Talkers,
};
use crate::{
    state::{Check, Phase, Status},
    words::words,
};

/// The time of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) now: SystemTime,
    /// Time since the snapshot before, if there was one.
    pub(super) interval: Option<Duration>,
    /// Time that the snapshot took.
    pub(super) took: Duration,
}

/// All that the page shows at one moment.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    /// Milliseconds since 1970.
    now: u64,
    /// Milliseconds that the snapshot took.
    took: f64,
    version: &'static str,
    phase: Phase,
    open: u64,
    capacity: u64,
    interfaces: u64,
    /// One of so many flows that begin now is kept. 0 without sampling.
    sampling: u64,
    total: Row,
    talkers: Talkers,
    map: Map,
    ledger: Ledger,
    drops: Vec<Loss>,
    degradations: Vec<Degraded>,
    notices: Vec<String>,
    /// Checks that are not well.
    checks: Vec<Check>,
    receivers: Vec<Receiver>,
}

/// Packets that crossed the hooks: those in flows and those under each reason.
#[derive(Debug, Serialize)]
struct Ledger {
    packets: u64,
    frame_octets: u64,
    in_flows: u64,
    reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
struct Reason {
    name: &'static str,
    packets: u64,
    frame_octets: u64,
    meaning: &'static str,
    remedy: Option<String>,
}

/// Packets that the kernel dropped, or numbers of things that the source missed.
#[derive(Debug, Serialize)]
struct Loss {
    name: String,
    count: u64,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct Degraded {
    feature: &'static str,
    interface: Option<String>,
    cause: String,
    fallback: String,
    impact: String,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct Receiver {
    name: String,
    delivered: u64,
    waiting: u64,
    dropped: u64,
    last_error: Option<String>,
}

impl Frame {
    pub(super) fn new(snapshot: &Snapshot, facts: &Facts, time: Time) -> Self {
        let scale = Scale {
            // Two snapshots at the same moment have no rate.
            seconds: time
                .interval
                .map(|it| it.as_secs_f64())
                .filter(|seconds| *seconds > 0.0),
            counts_drops: facts.counts_drops(),
        };
        let (stats, report) = (&facts.stats, &facts.report);
        let now = time.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            now: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            took: time.took.as_secs_f64() * 1e3,
            version: env!("CARGO_PKG_VERSION"),
            phase: facts.phase,
            open: stats.flows_open,
            capacity: stats.flows_capacity,
            interfaces: stats.interfaces.watched,
            sampling: stats.sampling_interval,
            total: Row::new(&snapshot.total, scale),
            talkers: Talkers::new(snapshot, scale),
            map: Map::new(snapshot, scale),
            ledger: Ledger::of(stats),
            drops: losses(stats),
            degradations: report.degradations.iter().map(Degraded::of).collect(),
            notices: report.notices.iter().map(ToString::to_string).collect(),
            checks: facts
                .checks
                .iter()
                .filter(|check| check.status != Status::Ok)
                .cloned()
                .collect(),
            receivers: facts
                .receivers
                .iter()
                .map(|(name, stats)| Receiver {
                    name: name.clone(),
                    delivered: stats.delivered,
                    waiting: stats.waiting,
                    dropped: stats.dropped_in_all(),
                    last_error: stats.last_error.clone(),
                })
                .collect(),
        }
    }
}

impl Ledger {
    fn of(stats: &Stats) -> Self {
        let ignored = stats.ignored();
        let apart: u64 = ignored.iter().map(|it| it.packets).sum();
        let reasons = ignored.iter().filter(|it| it.packets != 0);
        Self {
            packets: stats.packets,
            frame_octets: stats.frame_octets,
            // Hooks are read one after the other, and packets arrive meanwhile.
            in_flows: stats.packets.saturating_sub(apart),
            reasons: reasons
                .map(|it| Reason {
                    name: it.reason,
                    packets: it.packets,
                    frame_octets: it.frame_octets,
                    meaning: it.meaning(),
                    remedy: it.remedy().map(words),
                })
                .collect(),
        }
    }
}

impl Degraded {
    fn of(degradation: &Degradation) -> Self {
        Self {
            feature: degradation.feature.as_str(),
            interface: degradation.interface.as_deref().map(str::to_owned),
            cause: degradation.cause.to_string(),
            fallback: degradation.fallback.to_string(),
            impact: degradation.impact.to_string(),
            remedy: words(&degradation.remedy),
        }
    }
}

/// Returns the counts of losses that no flow shows. Counts of 0 are left out.
fn losses(stats: &Stats) -> Vec<Loss> {
    let without_flow = stats.drops.without_flow.iter().map(|it: &Dropped| Loss {
        name: it.reason.to_string(),
        count: it.packets,
        meaning: "packets that the kernel dropped and whose flow was not in the table",
    });
    let others = [
        (
            "suppressed",
            stats.drops.suppressed,
            "dropped packets whose record the filter or `join` suppressed",
        ),
        (
            "unplaced",
            stats.drops.unplaced,
            "dropped packets whose network namespace could not be found",
        ),
        (
            "missed",
            stats.drops.missed,
            "packets that were dropped while another one was looked at",
        ),
        (
            "missed look-ups",
            stats.lookups_missed,
            "flows whose sockets were not looked up",
        ),
        (
            "unjoined",
            stats.flows_unjoined,
            "flows that were not joined with their conversation",
        ),
        (
            "missed interfaces",
            stats.interfaces.missed,
            "interfaces that had gone before a program was attached",
        ),
        (
            "lost payloads",
            stats.payloads.lost,
            "sections of payloads that were not read for names",
        ),
    ];
    let others = others.into_iter().map(|(name, count, meaning)| Loss {
        name: name.to_owned(),
        count,
        meaning,
    });
    without_flow
        .chain(others)
        .filter(|it| it.count != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use mermin_core::{
        Flow,
        flow::Endpoint,
        report::{Feature, HookDirection, HookStats, Ignored},
    };
    use serde_json::Value as Json;

    use super::*;
    use crate::page::model::{Model, tests::flow};

    fn frame(snapshot: &Snapshot, facts: &Facts, interval: Option<Duration>) -> Json {
        let time = Time {
            now: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            interval,
            took: Duration::from_millis(3),
        };
        serde_json::to_value(Frame::new(snapshot, facts, time)).unwrap()
    }

    /// Many flows of several sizes, between 40 clients and 70 servers.
    fn crowd(round: u64) -> Vec<Flow> {
        let flows = (0..5_000_u32).map(|number| {
            let mut flow = flow(u16::try_from(number).unwrap(), 0);
            flow.source = Endpoint::new([10, 1, 0, u8::try_from(number % 40).unwrap()], 40_000);
            flow.destination = Endpoint::new([10, 2, 0, u8::try_from(number % 70).unwrap()], 443);
            let packets = 1 + round * u64::from(number * number % 977);
            (flow.forward.packets.total, flow.reverse.packets.total) = (packets, packets / 2);
            (flow.forward.octets.total, flow.reverse.octets.total) = (packets * 90, packets * 700);
            flow
        });
        flows.collect()
    }

    fn sum<'a>(rows: impl IntoIterator<Item = &'a Json>, name: &str) -> f64 {
        rows.into_iter()
            .map(|row| row[name].as_f64().unwrap())
            .sum()
    }

    #[test]
    fn lists_and_map_add_up_to_the_flows() {
        let mut model = Model::default();
        model.add(&crowd(1));
        model.end();
        let flows = crowd(3);
        model.add(&flows);
        let (snapshot, _) = model.end();
        let frame = frame(&snapshot, &Facts::default(), Some(Duration::from_secs(1)));
        let octets: u64 = flows
            .iter()
            .map(|it| it.forward.octets.total + it.reverse.octets.total)
            .sum();
        assert_eq!(frame["total"]["octets"], octets);
        assert_eq!(frame["total"]["flows"], 5_000);
        let talkers = &frame["talkers"];
        let listed = talkers["listed"].as_array().unwrap();
        assert!(listed.len() >= 50 && listed.len() < 280, "{}", listed.len());
        assert_eq!(talkers["other_pairs"], 280 - listed.len());
        let (nodes, edges) = (
            &frame["map"]["nodes"],
            frame["map"]["edges"].as_array().unwrap(),
        );
        assert_eq!(nodes.as_array().unwrap().len(), 24);
        assert_eq!(frame["map"]["other_nodes"], 40 + 70 - 24);
        for name in ["flows", "octets", "packets", "octet_rate", "packet_rate"] {
            let total = frame["total"][name].as_f64().unwrap();
            let rows = listed.iter().chain([&talkers["others"]]);
            assert!((sum(rows, name) - total).abs() < 0.5, "{name}");
            assert!((sum(edges, name) - total).abs() < 0.5, "{name}");
            assert!(total > 0.0, "{name}");
        }
        // The greatest pair is listed.
        let most = listed.iter().map(|it| it["octets"].as_u64().unwrap()).max();
        let each = snapshot.pairs.values().map(|it| it.total.octets).max();
        assert_eq!(most, each);
    }

    #[test]
    fn first_frame_has_no_rates_and_says_what_is_not_counted() {
        let mut model = Model::default();
        model.add(&[flow(1, 2)]);
        let (snapshot, _) = model.end();
        let mut facts = Facts::default();
        let row = |facts: &Facts| frame(&snapshot, facts, None)["total"].clone();
        for name in ["octet_rate", "packet_rate", "retransmissions", "dropped"] {
            assert!(row(&facts)[name].is_null(), "{name}");
        }
        facts.wants_drops = true;
        assert_eq!(row(&facts)["dropped"], 0);
        facts.report.degradations.push(Degradation::new(
            Feature::Drops,
            "the kernel has no BTF",
            "packets that the kernel drops are not counted",
            "records do not say what the kernel dropped, and why",
            "use a kernel with BTF",
        ));
        assert!(row(&facts)["dropped"].is_null());
    }

    #[test]
    fn rows_of_sampled_flows_are_estimates() {
        let (mut sampled, mut exact) = (flow(1, 2), flow(2, 3));
        sampled.sampling_interval = std::num::NonZeroU32::new(16);
        exact.destination.port = Some(80);
        let mut model = Model::default();
        model.add(&[sampled, exact]);
        let frame = frame(&model.end().0, &Facts::default(), None);
        let total = &frame["total"];
        assert_eq!(
            (&total["packets"], &total["is_estimate"]),
            (&35.into(), &true.into())
        );
        let listed = frame["talkers"]["listed"].as_array().unwrap();
        for (port, flows, is_estimate) in [(443, 16, true.into()), (80, 1, Json::Null)] {
            let row = listed.iter().find(|row| row["port"] == port).unwrap();
            assert_eq!(
                (&row["flows"], &row["is_estimate"]),
                (&flows.into(), &is_estimate)
            );
        }
    }

    #[test]
    fn ledger_closes_and_degradations_are_whole() {
        let mut facts = Facts::default();
        let mut hook = HookStats::new(2, "eth0", HookDirection::Ingress);
        hook.ignored = vec![
            Ignored::new("arp", 2, 120),
            Ignored::new("table_full", 5, 900),
        ];
        facts.stats.hooks.push(hook);
        (facts.stats.packets, facts.stats.frame_octets) = (90, 12_000);
        facts
            .stats
            .drops
            .without_flow
            .push(Dropped::new("NO_SOCKET", 4));
        facts.report.degradations.push(Degradation::new(
            Feature::Tcx,
            "the kernel has no TCX",
            "filters are used",
            "they run behind the programs of others",
            "use Linux 6.6",
        ));
        let frame = frame(&Snapshot::default(), &facts, None);
        let ledger = &frame["ledger"];
        assert_eq!(
            (&ledger["packets"], &ledger["in_flows"]),
            (&90.into(), &83.into())
        );
        let reasons = ledger["reasons"].as_array().unwrap();
        assert!((sum(reasons, "packets") - 7.0).abs() < 0.5);
        assert_eq!(
            (&reasons[0]["name"], &reasons[0]["remedy"]),
            (&"table_full".into(), &"raise `flow_stats_capacity`".into())
        );
        assert_eq!(frame["drops"][0]["count"], 4);
        assert_eq!(frame["degradations"][0]["feature"], "tcx");
        assert_eq!(frame["degradations"][0]["remedy"], "use Linux 6.6");
        assert_eq!(frame["phase"], "opening");
    }
}
