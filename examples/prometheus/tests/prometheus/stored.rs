//! Prometheus stores the flows' own counts.

use std::collections::BTreeMap;

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink as _, testing::flows},
};
use mermin_prometheus::Settings;

use crate::support::{Prometheus, exporter};

/// Whole numbers below 2^53, as these are, lose nothing on the way.
pub(crate) fn sums() {
    let mut all = flows(2400);
    // A capture file may name an interface so.
    all[7].interface.name = "a\r\n\"b\\n\t{c=\"}".into();
    let mut exporter = exporter(Settings::default());
    block_on(exporter.export(&all)).unwrap();
    let prometheus = Prometheus::of(exporter.address());
    prometheus.wait_for_scrapes(1);
    let of = |number: fn(&Flow) -> [u64; 2]| {
        let mut sums: BTreeMap<[String; 3], u64> = BTreeMap::new();
        for flow in &all {
            for (direction, number) in ["forward", "reverse"].into_iter().zip(number(flow)) {
                let key = [
                    flow.interface.name.to_string(),
                    flow.protocol.to_string(),
                    direction.to_owned(),
                ];
                *sums.entry(key).or_default() += number;
            }
        }
        sums
    };
    for (metric, expected) in [
        (
            "mermin_flow_bytes_total",
            of(|it| [it.forward.octets.delta, it.reverse.octets.delta]),
        ),
        (
            "mermin_flow_packets_total",
            of(|it| [it.forward.packets.delta, it.reverse.packets.delta]),
        ),
        (
            "mermin_flow_frame_bytes_total",
            of(|it| [it.forward.frame_octets.delta, it.reverse.frame_octets.delta]),
        ),
    ] {
        // Nothing is in `other`.
        let stored = prometheus.query(&format!("{metric}{{network_transport!=\"other\"}}"));
        assert_eq!(stored.len(), expected.len(), "{metric}");
        for (labels, value) in stored {
            let key = ["network_interface_name", "network_transport", "direction"]
                .map(|name| labels[name].clone());
            assert_eq!(expected[&key].to_string(), value, "{metric} {labels:?}");
        }
        let sum: u64 = expected.values().sum();
        assert_eq!(prometheus.whole(&format!("sum({metric})")), sum, "{metric}");
    }
    let octets = prometheus.whole("sum(mermin_flow_bytes_total)");
    let pairs = "sum(mermin_pair_bytes_total) + sum(mermin_pair_expired_bytes)";
    assert_eq!(prometheus.whole(pairs), octets);
    let ended = all.iter().filter(|flow| !flow.end_reason.goes_on()).count();
    assert_eq!(
        prometheus.whole("sum(mermin_flow_ended_total)"),
        ended as u64
    );
    assert_eq!(prometheus.whole("sum(mermin_flow_records_total)"), 2400);
}

/// An exemplar leads from a sum to one of its flows.
pub(crate) fn exemplars() {
    let mut all = flows(600);
    for flow in &mut all {
        // As of a live source: Prometheus refuses an exemplar that is older than the series' newest.
        flow.end = std::time::SystemTime::now();
    }
    let mut exporter = exporter(Settings::default());
    block_on(exporter.export(&all)).unwrap();
    let prometheus = Prometheus::of(exporter.address());
    prometheus.wait_for_scrapes(1);
    let stored = prometheus.exemplars("mermin_flow_bytes_total");
    let series = prometheus
        .query("mermin_flow_bytes_total{direction=\"forward\",network_transport!=\"other\"}");
    assert_eq!(stored.len(), series.len());
    for one in stored {
        let labels = &one["exemplars"][0]["labels"];
        let flow = all
            .iter()
            .find(|flow| labels["flow_id"] == flow.id.to_string())
            .unwrap();
        assert_eq!(labels["flow_community_id"], flow.community_id(0));
        assert_eq!(
            one["seriesLabels"]["network_interface_name"],
            *flow.interface.name
        );
        assert_eq!(
            one["seriesLabels"]["network_transport"],
            flow.protocol.to_string()
        );
        assert_eq!(
            one["exemplars"][0]["value"],
            flow.forward.octets.delta.to_string()
        );
    }
}
