#!/usr/bin/env bash
# opentelemetry-proto 0.33.1 (crate), which OpenTelemetry's OTLP exporters for Rust send by, metrics: an integer above 2^63-1 is sent as 0.
#
# The SDK (opentelemetry_sdk 0.33.1) has counters and gauges of unsigned 64-bit integers; OTLP has integers with a sign. What does not fit is
# neither capped nor left out, and there is no error and nothing in a log:
# * A counter of 2^63-1 octets is sent right. With one octet more it is 0, and stays so, whatever is added. Receivers take a cumulative counter that falls for a program that
#   started anew.
# * A gauge of 2^64-1, as "no limit" and "unknown" often are, is 0, and so is an observed counter of 2^63, as IPFIX and kernels have them.
# * Counters that are less are right beside it in the same request. A histogram's sum is right, as it is a floating-point number.
# Python's SDK with the same counter sends none of its metrics (otlp-python-metrics-above-int64.sh). Cap such values at 2^63-1, or observe them as f64.
. "$(dirname "$0")/lib/common.sh"

crates opentelemetry@0.33.1+metrics opentelemetry_sdk@0.33.1+metrics opentelemetry-proto@0.33.1+gen-tonic-messages,metrics <<'RUST'
use opentelemetry::metrics::MeterProvider;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

/// Prints what an OTLP exporter would send: one line of `name=value` an export.
struct Printer;

impl PushMetricExporter for Printer {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut points = Vec::new();
        for metric in ExportMetricsServiceRequest::from(metrics)
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
        {
            let value = match &metric.data {
                Some(Data::Sum(sum)) => number(&sum.data_points[0].value),
                Some(Data::Gauge(gauge)) => number(&gauge.data_points[0].value),
                Some(Data::Histogram(histogram)) => format!("{:?}", histogram.data_points[0].sum.unwrap()),
                other => panic!("{other:?}"),
            };
            points.push(format!("{}={value}", metric.name));
        }
        points.sort();
        println!("{}", points.join(" "));
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn number(value: &Option<Value>) -> String {
    match value {
        Some(Value::AsInt(it)) => it.to_string(),
        Some(Value::AsDouble(it)) => format!("{it:?}"),
        None => "none".into(),
    }
}

fn main() {
    let reader = PeriodicReader::builder(Printer).with_interval(std::time::Duration::from_secs(3600)).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let meter = provider.meter("flows");
    let octets = meter.u64_counter("octets").build();
    let packets = meter.u64_counter("packets").build();
    let limit = meter.u64_gauge("limit").build();
    let sizes = meter.u64_histogram("sizes").build();
    let _observed = meter.u64_observable_counter("observed").with_callback(|to| to.observe(1 << 63, &[])).build();
    packets.add(7, &[]);
    limit.record(u64::MAX, &[]);
    sizes.record(1 << 63, &[]);
    octets.add((1 << 63) - 1, &[]);
    provider.force_flush().unwrap();
    octets.add(1, &[]);
    provider.force_flush().unwrap();
    octets.add(1000, &[]);
    provider.force_flush().unwrap();
    std::process::exit(0);
}
RUST

sent=$("$work/crate/target/debug/finding")
# export_of NUMBER NAME: the value of a metric in an export.
export_of() {
    sed -n "$1p" <<<"$sent" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

expect "a counter of 2^63-1" 9223372036854775807 "$(export_of 1 octets)"
expect "with one more" 0 "$(export_of 2 octets)"
expect "with 1,000 more" 0 "$(export_of 3 octets)"
expect "a gauge of 2^64-1" 0 "$(export_of 1 limit)"
expect "an observed counter of 2^63" 0 "$(export_of 1 observed)"
expect "a counter beside it" 7 "$(export_of 1 packets)"
expect "a histogram's sum" 9.223372036854776e18 "$(export_of 1 sizes)"
