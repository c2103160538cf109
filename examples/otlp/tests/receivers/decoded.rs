//! Values that a receiver should decode of a flow, made of the flow alone.

use std::time::{SystemTime, UNIX_EPOCH};

use mermin_core::{
    Flow,
    flow::{Direction, Value},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value},
    logs::v1::LogRecord,
    resource::v1::Resource,
    trace::v1::Span,
};

pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    // There is no earlier time in OTLP.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap()
}

fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    any(any_value::Value::StringValue(text.to_owned()))
}

fn number(number: u64) -> AnyValue {
    match i64::try_from(number) {
        Ok(number) => any(any_value::Value::IntValue(number)),
        Err(_) => text(&number.to_string()),
    }
}

fn list(values: Vec<AnyValue>) -> AnyValue {
    any(any_value::Value::ArrayValue(ArrayValue { values }))
}

pub(crate) fn attributes(flow: &Flow) -> Vec<(String, AnyValue)> {
    let mut all = Vec::new();
    flow.attributes().for_each(|(name, value)| {
        let value = match value {
            Value::Text(one) => text(&one),
            Value::Number(one) => number(one),
            Value::Time(time) => number(nanoseconds(time)),
            Value::Texts(texts) => list(texts.map(text).collect()),
            Value::Numbers(numbers) => list(numbers.map(number).collect()),
            other => panic!("{other:?}"),
        };
        all.push((name.to_owned(), value));
    });
    all
}

pub(crate) fn pairs(attributes: &[KeyValue]) -> Vec<(String, AnyValue)> {
    attributes
        .iter()
        .map(|one| (one.key.clone(), one.value.clone().unwrap()))
        .collect()
}

/// An attribute that is a text.
pub(crate) fn text_of(attributes: &[KeyValue], name: &str) -> Option<String> {
    let value = attributes.iter().find(|one| one.key == name)?.value.clone();
    match value?.value? {
        any_value::Value::StringValue(text) => Some(text),
        other => panic!("{name}: {other:?}"),
    }
}

/// The pair that names a record, of what has its attributes.
pub(crate) fn key(attributes: &[KeyValue]) -> (String, u64) {
    let id = text_of(attributes, "flow.id").unwrap();
    let sequence = attributes.iter().find(|one| one.key == "flow.sequence");
    match sequence.unwrap().value.as_ref().unwrap().value {
        Some(any_value::Value::IntValue(sequence)) => (id, sequence.try_into().unwrap()),
        ref other => panic!("{other:?}"),
    }
}

pub(crate) fn key_of(flow: &Flow) -> (String, u64) {
    (flow.id.to_string(), flow.sequence)
}

fn name(flow: &Flow) -> String {
    let version = if flow.source.address.is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    };
    format!("flow_{version}_{}", flow.protocol)
}

/// Those of a span, which has its times elsewhere.
pub(crate) fn span_attributes(flow: &Flow) -> Vec<(String, AnyValue)> {
    let mut all = attributes(flow);
    all.retain(|(name, _)| name != "flow.start" && name != "flow.end");
    all
}

/// Field by field.
pub(crate) fn check_span(span: &Span, flow: &Flow) {
    assert_eq!(pairs(&span.attributes), span_attributes(flow));
    assert_eq!(span.name, name(flow));
    assert_eq!(span.start_time_unix_nano, nanoseconds(flow.start));
    assert_eq!(span.end_time_unix_nano, nanoseconds(flow.end));
    let kind = match flow.direction {
        Direction::Forward => 3,
        Direction::Reverse => 2,
        Direction::Unknown => 1,
    };
    assert_eq!(span.kind, kind);
    check_ids(&span.trace_id, &span.span_id);
    assert!(span.parent_span_id.is_empty() && span.status.is_none());
    assert!(span.events.is_empty() && span.links.is_empty());
}

/// Field by field.
pub(crate) fn check_log(log: &LogRecord, flow: &Flow) {
    assert_eq!(pairs(&log.attributes), attributes(flow));
    assert_eq!(log.body, Some(text(&name(flow))));
    assert_eq!(log.time_unix_nano, nanoseconds(flow.end));
    assert!(log.observed_time_unix_nano > 1_700_000_000_000_000_000);
    assert_eq!(
        (log.severity_number, log.severity_text.as_str()),
        (9, "INFO")
    );
    assert_eq!(log.event_name, "mermin.flow");
    check_ids(&log.trace_id, &log.span_id);
}

fn check_ids(trace: &[u8], span: &[u8]) {
    assert_eq!((trace.len(), span.len()), (16, 8));
    assert!(trace.iter().any(|octet| *octet != 0) && span.iter().any(|octet| *octet != 0));
}

pub(crate) fn check_resource(resource: Option<&Resource>) {
    let attributes = &resource.unwrap().attributes;
    for (name, value) in [
        ("service.name", "mermin"),
        ("telemetry.distro.name", "mermin"),
        ("k8s.node.name", "node-7"),
    ] {
        assert_eq!(text_of(attributes, name).as_deref(), Some(value), "{name}");
    }
}
