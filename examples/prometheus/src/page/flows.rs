//! Sums of flows.

use super::{
    family::{Family, Labels, Number, Sample, counter, gauge},
    text::Text,
};
use crate::count::{Counts, Exemplar, Label, Named, Pair, Snapshot, Value, Way};

/// A number of one direction.
type OfWay = fn(&Way) -> u64;
/// A number of both directions.
type OfBoth = fn(&Counts) -> u64;

/// One direction of a flow.
type Half = fn(&Counts) -> &Way;

const WAYS: [(&str, Half); 2] = [
    ("forward", |counts| &counts.forward),
    ("reverse", |counts| &counts.reverse),
];

const OCTETS: OfWay = |way| way.octets;
const FRAME_OCTETS: OfWay = |way| way.frame_octets;
const PACKETS: OfWay = |way| way.packets;
const DROPPED: OfWay = |way| way.dropped;

const FLOW_BYTES: Family = counter(
    "mermin_flow_bytes",
    "IP octets of flows, an estimate if they are sampled; forward: sent by the initiator of the flow",
);

const FLOW_WAYS: [(Family, OfWay); 2] = [
    (
        counter(
            "mermin_flow_frame_bytes",
            "Octets of the frames of flows, link header and padding included, an estimate if they are sampled",
        ),
        FRAME_OCTETS,
    ),
    (
        counter(
            "mermin_flow_packets",
            "Packets of flows, as on the wire, an estimate if they are sampled",
        ),
        PACKETS,
    ),
];

/// The page has them once a packet was dropped.
const FLOW_DROPPED: Family = counter(
    "mermin_flow_dropped_packets",
    "Packets of flows that the kernel dropped, an estimate if they are sampled",
);
const FLOW_EXPIRED_DROPPED: Family = gauge(
    "mermin_flow_expired_dropped_packets",
    "Packets of series that were removed that the kernel dropped",
);

const FLOW_BOTH: [(Family, OfBoth); 2] = [
    (
        counter(
            "mermin_flow_records",
            "Records of flows: one when a flow ends, and one at each active timeout",
        ),
        |counts| counts.records,
    ),
    (
        counter(
            "mermin_flow_ended",
            "Flows that ended, an estimate if they are sampled",
        ),
        |counts| counts.ended,
    ),
];

const FLOW_EXPIRED: [(Family, OfWay); 3] = [
    (
        gauge(
            "mermin_flow_expired_bytes",
            "IP octets of series that were removed; with mermin_flow_bytes_total, those of all flows",
        ),
        OCTETS,
    ),
    (
        gauge(
            "mermin_flow_expired_frame_bytes",
            "Octets of frames of series that were removed",
        ),
        FRAME_OCTETS,
    ),
    (
        gauge(
            "mermin_flow_expired_packets",
            "Packets of series that were removed",
        ),
        PACKETS,
    ),
];

const FLOW_EXPIRED_BOTH: [(Family, OfBoth); 2] = [
    (
        gauge(
            "mermin_flow_expired_records",
            "Records of series that were removed",
        ),
        |counts| counts.records,
    ),
    (
        gauge(
            "mermin_flow_expired_ended",
            "Flows that ended in series that were removed",
        ),
        |counts| counts.ended,
    ),
];

const PAIR_WAYS: [(Family, OfWay); 2] = [
    (
        counter(
            "mermin_pair_bytes",
            "IP octets of the pairs of addresses with most traffic since they are among them, an estimate if flows are sampled",
        ),
        OCTETS,
    ),
    (
        counter(
            "mermin_pair_packets",
            "Packets of the pairs of addresses with most traffic since they are among them, an estimate if flows are sampled",
        ),
        PACKETS,
    ),
];

const PAIR_EXPIRED: [(Family, OfWay); 2] = [
    (
        gauge(
            "mermin_pair_expired_bytes",
            "IP octets of pairs that are no longer among those with most traffic",
        ),
        OCTETS,
    ),
    (
        gauge(
            "mermin_pair_expired_packets",
            "Packets of pairs that are no longer among those with most traffic",
        ),
        PACKETS,
    ),
];

const SERIES: Family = gauge(
    "mermin_series",
    "Sets of label values that flows are summed by, other aside",
);
const SERIES_LIMIT: Family = gauge(
    "mermin_series_limit",
    "Sets of label values that there may be",
);

/// Sums and their labels.
type Row<'a> = (Labels, &'a Counts, Option<&'a Exemplar>);

pub(super) fn write(flows: &Snapshot, page: &mut Text) {
    let rows: Vec<Row<'_>> = flows
        .series
        .iter()
        .map(|named| row(&flows.labels, named))
        .collect();
    ways(page, FLOW_BYTES, OCTETS, &rows);
    for (family, number) in FLOW_WAYS {
        ways(page, family, number, &rows);
    }
    for (family, number) in FLOW_BOTH {
        both(page, family, number, &rows);
    }
    let expired = [(Labels::default(), &flows.series_expired, None)];
    for (family, number) in FLOW_EXPIRED {
        ways(page, family, number, &expired);
    }
    for (family, number) in FLOW_EXPIRED_BOTH {
        both(page, family, number, &expired);
    }
    if flows.has_drops() {
        ways(page, FLOW_DROPPED, DROPPED, &rows);
        ways(page, FLOW_EXPIRED_DROPPED, DROPPED, &expired);
    }
    // `other` is one of the rows.
    one(page, SERIES, flows.series.len().saturating_sub(1));
    one(page, SERIES_LIMIT, flows.series_limit);
    if flows.pairs.is_empty() {
        return;
    }
    let rows: Vec<Row<'_>> = flows
        .pairs
        .iter()
        .map(|named| (pair(named.name), &named.counts, None))
        .collect();
    for (family, number) in PAIR_WAYS {
        ways(page, family, number, &rows);
    }
    let expired = [(Labels::default(), &flows.pairs_expired, None)];
    for (family, number) in PAIR_EXPIRED {
        ways(page, family, number, &expired);
    }
}

fn row<'a>(labels: &[Label], named: &'a Named<Box<[Value]>>) -> Row<'a> {
    let each = labels.iter().zip(&*named.name);
    let labels = each.fold(Labels::default(), |labels, (label, value)| {
        labels.with(&label.name(), value)
    });
    (labels, &named.counts, named.exemplar.as_ref())
}

fn pair(pair: Option<Pair>) -> Labels {
    let names = [Label::SourceAddress, Label::DestinationAddress].map(|label| label.name());
    let [source, destination] = &names;
    match pair {
        Some(pair) => Labels::default()
            .with(source, pair.source)
            .with(destination, pair.destination),
        None => Labels::default()
            .with(source, "other")
            .with(destination, "other"),
    }
}

fn ways(page: &mut Text, family: Family, number: OfWay, rows: &[Row<'_>]) {
    // The exemplar has the octets of the forward direction.
    let has_exemplars = family.name == FLOW_BYTES.name;
    let mut samples = page.family(family);
    for (labels, counts, exemplar) in rows {
        for (direction, way) in WAYS {
            samples.put(&Sample {
                labels,
                more: Some(("direction", direction)),
                value: Number::Whole(number(way(counts))),
                exemplar: exemplar.filter(|_| has_exemplars && direction == "forward"),
            });
        }
    }
}

fn both(page: &mut Text, family: Family, number: OfBoth, rows: &[Row<'_>]) {
    let mut samples = page.family(family);
    for (labels, counts, _) in rows {
        samples.put(&Sample {
            labels,
            more: None,
            value: Number::Whole(number(counts)),
            exemplar: None,
        });
    }
}

fn one(page: &mut Text, family: Family, number: usize) {
    page.family(family)
        .value(&Labels::default(), Number::Whole(number as u64));
}
