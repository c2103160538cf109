//! Sums of flows, one series for each combination of attributes.

use std::{collections::HashMap, time::SystemTime};

use mermin_core::{Flow, flow::Uniflow};
use mermin_program::stands_for;

use crate::{
    encode::{
        Envelope, Request,
        attribute::{nanoseconds, put, put_bool, put_text},
        wire::{fixed64, message, number, octets},
    },
    settings::{Settings, Temporality},
};

/// Fields of `Metric`.
const NAME: u8 = 1;
const DESCRIPTION: u8 = 2;
const UNIT: u8 = 3;
const SUM: u8 = 7;
/// Fields of `Sum`.
const DATA_POINTS: u8 = 1;
const TEMPORALITY: u8 = 2;
const IS_MONOTONIC: u8 = 3;
/// Fields of `NumberDataPoint`; `as_int` has eight octets.
const START: u8 = 2;
const TIME: u8 = 3;
const AS_INT: u8 = 6;
const ATTRIBUTES: u8 = 7;

/// Sums of one series.
#[derive(Clone, Copy, Debug, Default)]
struct Series {
    octets: [u64; 2],
    packets: [u64; 2],
    begun: u64,
}

/// Series by their encoded attributes.
type All = HashMap<Vec<u8>, Series>;

/// Points of one series in a request, the octets of each besides its attributes, and those of the metrics around the points. They are
/// upper bounds.
const POINTS: usize = 5;
const POINT: usize = 96;
const METRICS: usize = 1024;

/// Series of a report that the receiver does not have yet, and the interval of the report.
struct Report {
    left: Vec<(Vec<u8>, Series)>,
    times: [SystemTime; 2],
}

/// Sums since the exporter started, or since they were last sent.
pub(super) struct Sums {
    series: All,
    names: Vec<String>,
    most: usize,
    temporality: Temporality,
    start: SystemTime,
    /// The latest report. Deltas without a confirmation are sent again unchanged, so a receiver that has them can detect it
    /// by their times.
    report: Option<Report>,
    /// Buffer for attributes, for the look-up of a series.
    key: Vec<u8>,
}

impl Sums {
    pub(super) fn new(settings: &Settings, start: SystemTime) -> Self {
        Self {
            series: All::new(),
            names: settings.metric_attributes.clone(),
            most: settings.metric_series,
            temporality: settings.temporality,
            start,
            report: None,
            key: Vec::new(),
        }
    }

    /// Returns true if there is something to send. Deltas without data begin now.
    pub(super) fn has_any(&mut self, now: SystemTime) -> bool {
        let has_any = !self.series.is_empty() || self.report.is_some();
        if !has_any && self.temporality == Temporality::Delta {
            self.start = now;
        }
        has_any
    }

    /// Begins a report of all sums as of now, or of deltas that are left of the one before. Returns false if there are none.
    pub(super) fn begin(&mut self, now: SystemTime) -> bool {
        // The clock may have been set back. No interval may end before it begins.
        self.start = self.start.min(now);
        let is_delta = self.is_delta();
        if is_delta && self.report.is_some() {
            return true;
        }
        let times = [self.start, now];
        let left = if is_delta {
            self.start = now;
            self.series.drain().collect()
        } else {
            let all = self.series.iter();
            all.map(|(key, series)| (key.clone(), *series)).collect()
        };
        self.report = Some(Report { left, times });
        self.is_under_way()
    }

    /// Returns true if the receiver lacks series of the report.
    pub(super) fn is_under_way(&mut self) -> bool {
        self.report.take_if(|report| report.left.is_empty());
        self.report.is_some()
    }

    /// Notes that the receiver has the first series of the report, or has refused them for good.
    pub(super) fn settle(&mut self, count: usize) {
        if let Some(report) = &mut self.report {
            report.left.drain(..count.min(report.left.len()));
        }
    }

    pub(super) fn is_delta(&self) -> bool {
        self.temporality == Temporality::Delta
    }

    pub(super) fn add(&mut self, flow: &Flow) {
        self.key.clear();
        flow.attributes().for_each(|(name, value)| {
            if self.names.iter().any(|wanted| wanted == name) {
                put(&mut self.key, ATTRIBUTES, name, value);
            }
        });
        let is_there = self.series.contains_key(&self.key);
        // One series is reserved for all further combinations.
        if !is_there && self.series.len() + 1 >= self.most {
            self.key.clear();
            put_bool(&mut self.key, ATTRIBUTES, "otel.metric.overflow", true);
        }
        if !self.series.contains_key(&self.key) {
            self.series.insert(self.key.clone(), Series::default());
        }
        let Some(series) = self.series.get_mut(&self.key) else {
            return;
        };
        let ways: [&Uniflow; 2] = [&flow.forward, &flow.reverse];
        // A sampled flow stands for others: its attributes do not say for how many.
        let interval = stands_for(flow);
        let add = |sum: &mut u64, delta: u64| {
            *sum = sum.saturating_add(delta.saturating_mul(interval));
        };
        for (sum, way) in series.octets.iter_mut().zip(ways) {
            add(sum, way.octets.delta);
        }
        for (sum, way) in series.packets.iter_mut().zip(ways) {
            add(sum, way.packets.delta);
        }
        add(&mut series.begun, u64::from(flow.sequence == 0));
    }

    /// Returns an `ExportMetricsServiceRequest` of at most `most` octets with the first series of the report, and their number: one
    /// at least.
    pub(super) fn request(&self, envelope: &Envelope, most: usize) -> (Request, usize) {
        let mut request = Request::default();
        envelope.begin(&mut request);
        let Some(Report { left, times }) = &self.report else {
            return (request, 0);
        };
        let mut length = request.len() + METRICS;
        let fitting = left.iter().take_while(|(key, _)| {
            length += POINTS * (key.len() + POINT);
            length <= most
        });
        let count = fitting.count().max(1).min(left.len());
        let (series, times) = (left.get(..count).unwrap_or_default(), *times);
        let out = request.items();
        let by_way = |pick: fn(&Series) -> [u64; 2]| {
            move |series: &Series| {
                let [forward, reverse] = pick(series);
                vec![(Some("forward"), forward), (Some("reverse"), reverse)]
            }
        };
        let temporality = self.temporality;
        let metric = |out: &mut Vec<u8>, texts, points: &dyn Fn(&Series) -> Vec<Point>| {
            metric(out, texts, temporality, |out| {
                for (attributes, series) in series {
                    for (way, value) in points(series) {
                        point(out, attributes, way, times, value);
                    }
                }
            });
        };
        let io = "IP octets of flows, from source to destination and back";
        metric(out, ["mermin.flow.io", io, "By"], &by_way(|it| it.octets));
        let packets = "Packets of flows, from source to destination and back";
        metric(
            out,
            ["mermin.flow.packets", packets, "{packet}"],
            &by_way(|it| it.packets),
        );
        metric(
            out,
            ["mermin.flow.count", "Flows that began", "{flow}"],
            &|it| vec![(None, it.begun)],
        );
        envelope.end(&mut request);
        (request, count)
    }
}

fn metric(
    out: &mut Vec<u8>,
    [name, description, unit]: [&str; 3],
    temporality: Temporality,
    points: impl FnOnce(&mut Vec<u8>),
) {
    message(out, Request::ITEM, |out| {
        octets(out, NAME, name.as_bytes());
        octets(out, DESCRIPTION, description.as_bytes());
        octets(out, UNIT, unit.as_bytes());
        message(out, SUM, |out| {
            points(out);
            number(out, TEMPORALITY, temporality.number());
            number(out, IS_MONOTONIC, 1);
        });
    });
}

fn point(
    out: &mut Vec<u8>,
    attributes: &[u8],
    way: Option<&str>,
    [start, end]: [SystemTime; 2],
    value: u64,
) {
    message(out, DATA_POINTS, |out| {
        out.extend_from_slice(attributes);
        if let Some(way) = way {
            put_text(out, ATTRIBUTES, "mermin.flow.way", way);
        }
        fixed64(out, START, nanoseconds(start));
        fixed64(out, TIME, nanoseconds(end));
        // The type is signed.
        fixed64(out, AS_INT, value.min(i64::MAX as u64));
    });
}

/// The direction of a data point, if there are two, and its value.
type Point = (Option<&'static str>, u64);

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use mermin_core::sink::testing::flows;
    use opentelemetry_proto::tonic::{
        collector::metrics::v1::ExportMetricsServiceRequest, metrics::v1::metric::Data,
    };
    use prost::Message as _;

    use super::*;
    use crate::{resource::Resource, settings::Endpoint};

    /// Returns begin and end of each point.
    fn intervals(request: &Request) -> Vec<[u64; 2]> {
        let decoded = ExportMetricsServiceRequest::decode(request.as_bytes()).unwrap();
        let metrics = decoded.resource_metrics[0].scope_metrics[0].metrics.iter();
        metrics
            .flat_map(|metric| match &metric.data {
                Some(Data::Sum(sum)) => &sum.data_points[..],
                other => panic!("{other:?}"),
            })
            .map(|point| [point.start_time_unix_nano, point.time_unix_nano])
            .collect()
    }

    #[test]
    fn clock_set_back_makes_no_negative_interval() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(12);
        let before = noon - Duration::from_hours(1);
        for temporality in [Temporality::Cumulative, Temporality::Delta] {
            let settings = Settings::new(Endpoint::default()).temporality(temporality);
            let envelope = Envelope::new(&Resource::default());
            let mut sums = Sums::new(&settings, noon);
            for now in [before, before + Duration::from_secs(10)] {
                for flow in flows(20) {
                    sums.add(&flow);
                }
                assert!(sums.begin(now));
                let (request, count) = sums.request(&envelope, usize::MAX);
                let all = intervals(&request);
                assert!(!all.is_empty());
                for [start, end] in all {
                    assert!(start <= end, "{temporality:?}");
                    assert_eq!(end, nanoseconds(now));
                }
                sums.settle(count);
                assert!(!sums.is_under_way());
            }
        }
    }

    #[test]
    fn sampled_flow_stands_for_as_many_as_its_interval_says() {
        let settings = Settings::new(Endpoint::default());
        let mut flow = flows(1).remove(0);
        flow.sequence = 0;
        let once = flow.forward.packets.delta;
        assert!(once > 0);
        let mut sums = Sums::new(&settings, SystemTime::UNIX_EPOCH);
        sums.add(&flow);
        flow.sampling_interval = NonZeroU32::new(8);
        sums.add(&flow);
        let series = sums.series.values().next().unwrap();
        assert_eq!(series.packets[0], 9 * once);
        assert_eq!(series.octets[0], 9 * flow.forward.octets.delta);
        assert_eq!(series.begun, 9);
    }

    #[test]
    fn requests_have_at_most_the_given_octets() {
        let settings = Settings::new(Endpoint::default()).metric_attributes([
            "source.address",
            "destination.address",
            "source.port",
        ]);
        let envelope = Envelope::new(&Resource::default());
        let mut sums = Sums::new(&settings, SystemTime::UNIX_EPOCH);
        for flow in flows(1000) {
            sums.add(&flow);
        }
        let all = sums.series.len();
        for most in [4096, 20_000, usize::MAX] {
            assert!(sums.begin(SystemTime::now()));
            let (mut sent, mut requests) = (0, 0);
            while sums.is_under_way() {
                let (request, count) = sums.request(&envelope, most);
                assert!(request.as_bytes().len() <= most);
                assert_eq!(intervals(&request).len(), POINTS * count);
                sums.settle(count);
                (sent, requests) = (sent + count, requests + 1);
            }
            assert_eq!(sent, all);
            assert_eq!(requests == 1, most == usize::MAX, "{requests}");
        }
        sums.begin(SystemTime::now());
        assert_eq!(sums.request(&envelope, 1).1, 1);
    }
}
