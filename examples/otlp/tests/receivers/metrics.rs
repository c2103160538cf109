//! Flows added up.

use std::{collections::BTreeMap, time::Duration};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, testing::flows},
};
use mermin_otlp::{Exporter, Protocol, Settings, Temporality};
use mermin_testing::wait;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use prost::Message as _;

use crate::{
    decoded::{check_resource, text_of},
    support::{Receiver, Reply, State},
};

/// Values by metric, its attributes and the way.
fn sums(receiver: &Receiver) -> BTreeMap<String, i64> {
    let state = receiver.state();
    let request = state.metrics.last().unwrap();
    check_resource(request.resource_metrics[0].resource.as_ref());
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    metrics.iter().flat_map(points).collect()
}

/// The same, made of the flows alone.
pub(crate) fn sums_of(flows: &[Flow]) -> BTreeMap<String, i64> {
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for flow in flows {
        let kind = if flow.source.address.is_ipv4() {
            "ipv4"
        } else {
            "ipv6"
        };
        let labels = format!("{kind} {} {}", flow.protocol, flow.interface.name);
        for (way, half) in [("forward", &flow.forward), ("reverse", &flow.reverse)] {
            let mut add = |name: &str, value: u64| {
                let sum = expected.entry(format!("mermin.flow.{name} {labels} {way}"));
                *sum.or_default() += i64::try_from(value).unwrap();
            };
            add("io", half.octets.delta);
            add("packets", half.packets.delta);
        }
        let begun = expected.entry(format!("mermin.flow.count {labels} "));
        *begun.or_default() += i64::from(flow.sequence == 0);
    }
    expected
}

fn points(metric: &Metric) -> Vec<(String, i64)> {
    let Some(metric::Data::Sum(sum)) = &metric.data else {
        panic!("{metric:?}");
    };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    let points = sum.data_points.iter().map(|point| {
        assert!(point.start_time_unix_nano > 0);
        assert!(point.time_unix_nano > point.start_time_unix_nano);
        let Some(number_data_point::Value::AsInt(value)) = point.value else {
            panic!("{point:?}");
        };
        let names = [
            "network.type",
            "network.transport",
            "network.interface.name",
        ];
        let of = |name: &str| text_of(&point.attributes, name).unwrap_or_default();
        let way = of("mermin.flow.way");
        let labels = names.map(of).join(" ");
        (format!("{} {labels} {way}", metric.name), value)
    });
    points.collect()
}

fn settings(receiver: &Receiver) -> Settings {
    receiver.settings().metrics(true)
}

#[test]
fn metric_sums_equal_the_flows() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let receiver = Receiver::new(protocol);
        let flows = flows(500);
        let alone = settings(&receiver).traces(false);
        crate::grpc::export(Exporter::new(&alone).unwrap(), &flows);
        assert!(receiver.state().traces.is_empty());
        assert_eq!(sums(&receiver), sums_of(&flows));
    }
}

#[test]
fn metrics_are_sent_periodically_and_survive_an_outage() {
    let receiver = Receiver::new(Protocol::Http);
    receiver.replies([Reply::Accept, Reply::Http(503, Vec::new(), b"")]);
    let often = settings(&receiver).metric_interval(Duration::from_millis(10));
    let mut sink = Exporter::new(&often).unwrap();
    block_on(sink.export(&flows(100))).unwrap();
    // A receiver that refuses metrics has the spans all the same, once.
    wait(|| receiver.state().metrics.len() > 3);
    let packets = |sums: &BTreeMap<String, i64>| -> i64 {
        let packets = sums
            .iter()
            .filter(|(name, _)| name.starts_with("mermin.flow.packets"));
        packets.map(|(_, value)| value).sum()
    };
    let flows: u64 = flows(100)
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum();
    assert_eq!(packets(&sums(&receiver)), i64::try_from(flows).unwrap());
    assert_eq!(receiver.state().keys().len(), 100);
    let words = sink.meter().unwrap().stats().last_error.unwrap();
    assert!(
        words.starts_with("cannot export metrics: HTTP 503"),
        "{words}"
    );
    block_on(sink.close()).unwrap();
}

/// The report comes behind the answer to the batch, and a receiver that does not answer it holds up nobody who asks.
#[test]
fn cancelled_export_adds_no_sum_twice() {
    // A report is due by the time that the spans are there.
    let limits = State {
        pause: Duration::from_millis(20),
        ..State::default()
    };
    let receiver = Receiver::with(Protocol::Http, limits);
    receiver.replies([Reply::Accept, Reply::Silence]);
    let endpoint = receiver.endpoint().timeout(Duration::from_millis(300));
    let often = crate::support::settings(endpoint)
        .metrics(true)
        .metric_interval(Duration::from_millis(1));
    let mut sink = Exporter::new(&often).unwrap();
    let flows = flows(100);
    let is_answered = {
        let mut export = std::pin::pin!(sink.export(&flows));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut is_answered = false;
        // The second request is that of the metrics.
        wait(|| {
            is_answered |= export.as_mut().poll(&mut context).is_ready();
            is_answered || receiver.state().headers.len() > 1
        });
        is_answered
    };
    if !is_answered {
        block_on(sink.export(&flows)).unwrap();
    }
    block_on(sink.close()).unwrap();
    let expected: u64 = flows
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum();
    let packets = sums(&receiver).into_iter();
    let packets: i64 = packets
        .filter(|(name, _)| name.starts_with("mermin.flow.packets"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(packets, i64::try_from(expected).unwrap());
    assert_eq!(receiver.state().keys().len(), 100);
    assert_eq!(sink.meter().unwrap().stats().delivered, 100);
}

/// Points of all requests that were taken, with their times.
fn deltas(receiver: &Receiver) -> Vec<(String, [u64; 2], i64)> {
    let state = receiver.state();
    let requests = state.metrics.iter();
    let metrics = requests.flat_map(|it| &it.resource_metrics[0].scope_metrics[0].metrics);
    let mut all = Vec::new();
    for metric in metrics {
        let Some(metric::Data::Sum(sum)) = &metric.data else {
            panic!("{metric:?}");
        };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 1);
        for point in &sum.data_points {
            let Some(number_data_point::Value::AsInt(value)) = point.value else {
                panic!("{point:?}");
            };
            let mut labels: Vec<_> = point
                .attributes
                .iter()
                .map(|it| format!("{it:?}"))
                .collect();
            labels.sort();
            let times = [point.start_time_unix_nano, point.time_unix_nano];
            all.push((format!("{}{labels:?}", metric.name), times, value));
        }
    }
    all
}

/// Exports deltas at short intervals, and no spans.
fn deltas_alone(receiver: &Receiver) -> Exporter {
    let quiet = settings(receiver).traces(false);
    Exporter::new(
        &quiet
            .temporality(Temporality::Delta)
            .metric_interval(Duration::from_millis(20)),
    )
    .unwrap()
}

/// The second request has no answer, so it comes again as it was, and then what was added meanwhile.
#[test]
fn lost_response_doubles_no_delta() {
    let receiver = Receiver::new(Protocol::Http);
    let mut sink = deltas_alone(&receiver);
    let flows = flows(300);
    let mut sent = |part: usize| block_on(sink.export(&flows[100 * part..][..100])).unwrap();
    let requests = |count| wait(|| receiver.state().metrics.len() >= count);
    sent(0);
    requests(1);
    receiver.replies([Reply::Lost]);
    sent(1);
    requests(3);
    sent(2);
    block_on(sink.close()).unwrap();
    let all = deltas(&receiver);
    let distinct: BTreeMap<_, _> = all
        .iter()
        .map(|(labels, times, value)| ((labels, times), value))
        .collect();
    // A repeated request is the same in every point.
    assert!(distinct.len() < all.len());
    assert!(
        all.iter()
            .all(|(labels, times, value)| distinct[&(labels, times)] == value)
    );
    let packets: i64 = distinct
        .iter()
        .filter(|((labels, _), _)| labels.starts_with("mermin.flow.packets"))
        .map(|(_, value)| **value)
        .sum();
    let expected = flows
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta);
    assert_eq!(packets, i64::try_from(expected.sum::<u64>()).unwrap());
    // A point begins where the one before ended, or later; none reaches back.
    let mut times: Vec<_> = distinct.keys().map(|(_, times)| **times).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.iter().all(|[start, end]| start < end));
    assert!(
        times.windows(2).all(|pair| pair[0][1] <= pair[1][0]),
        "{times:?}"
    );
}

#[test]
fn metric_attributes_are_configurable_and_series_bounded() {
    let receiver = Receiver::new(Protocol::Grpc);
    let flows = flows(500);
    let many = settings(&receiver)
        .traces(false)
        .metric_attributes(["source.address"])
        .metric_series(100);
    crate::grpc::export(Exporter::new(&many).unwrap(), &flows);
    let state = receiver.state();
    let metrics = &state.metrics[0].resource_metrics[0].scope_metrics[0].metrics;
    for metric in metrics {
        let Some(metric::Data::Sum(sum)) = &metric.data else {
            panic!("{metric:?}");
        };
        let ways = if metric.name == "mermin.flow.count" {
            1
        } else {
            2
        };
        assert_eq!(sum.data_points.len(), 100 * ways);
        let over = sum.data_points.iter().filter(|point| {
            point
                .attributes
                .iter()
                .any(|one| one.key == "otel.metric.overflow")
        });
        assert_eq!(over.count(), ways);
    }
    let total: i64 = points(&metrics[1]).iter().map(|(_, value)| value).sum();
    let packets = flows
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta);
    assert_eq!(total, i64::try_from(packets.sum::<u64>()).unwrap());
}

#[test]
fn unsent_metrics_at_close_are_an_error() {
    let receiver = Receiver::new(Protocol::Http);
    receiver.replies([Reply::Http(400, Vec::new(), b"")]);
    let mut sink = Exporter::new(&settings(&receiver).traces(false)).unwrap();
    block_on(sink.export(&flows(1))).unwrap();
    let error = block_on(sink.close()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot export metrics: HTTP 400"),
        "{error}"
    );
    block_on(sink.close()).unwrap();
    assert_eq!(receiver.state().metrics.len(), 1);
}

/// Deltas that are refused for good are lost, and said so. They do not come again.
#[test]
fn refused_deltas_are_lost_and_the_next_ones_arrive() {
    let receiver = Receiver::new(Protocol::Http);
    receiver.replies([Reply::Http(400, Vec::new(), b"")]);
    let mut sink = deltas_alone(&receiver);
    let meter = sink.meter().unwrap();
    let flows = flows(200);
    block_on(sink.export(&flows[..100])).unwrap();
    wait(|| meter.stats().last_error.is_some());
    let words = meter.stats().last_error.unwrap();
    assert!(words.contains("which are lost: HTTP 400"), "{words}");
    block_on(sink.export(&flows[100..])).unwrap();
    block_on(sink.close()).unwrap();
    let packets: i64 = deltas(&receiver)
        .iter()
        .filter(|(labels, ..)| labels.starts_with("mermin.flow.packets"))
        .map(|(.., value)| value)
        .sum();
    let expected = flows[100..]
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta);
    assert_eq!(packets, i64::try_from(expected.sum::<u64>()).unwrap());
}

/// Many series come in several requests, which the receiver's limit takes.
#[test]
fn metrics_above_the_limit_are_split() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        for (own, receivers) in [(usize::MAX, 10_000), (10_000, usize::MAX)] {
            let limits = State {
                most: Some(receivers),
                ..State::default()
            };
            let receiver = Receiver::with(Protocol::Grpc, limits);
            let many = settings(&receiver)
                .traces(false)
                .message(own)
                .temporality(temporality)
                .metric_attributes(["source.address", "source.port"]);
            let flows = flows(500);
            crate::grpc::export(Exporter::new(&many).unwrap(), &flows);
            let state = receiver.state();
            assert!(state.metrics.len() > 10, "{}", state.metrics.len());
            let mut packets = 0;
            for request in &state.metrics {
                assert!(request.encoded_len() <= 10_000);
                for metric in &request.resource_metrics[0].scope_metrics[0].metrics {
                    let Some(metric::Data::Sum(sum)) = &metric.data else {
                        panic!("{metric:?}");
                    };
                    for point in sum
                        .data_points
                        .iter()
                        .filter(|_| metric.name == "mermin.flow.packets")
                    {
                        let Some(number_data_point::Value::AsInt(value)) = point.value else {
                            panic!("{point:?}");
                        };
                        packets += value;
                    }
                }
            }
            let expected = flows
                .iter()
                .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta);
            assert_eq!(packets, i64::try_from(expected.sum::<u64>()).unwrap());
        }
    }
}
