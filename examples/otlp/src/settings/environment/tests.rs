//! Tests of the environment variables.

use super::*;
use crate::settings::{Authorization, TlsFiles};

fn read(variables: &[(&str, &str)]) -> Result<Settings, EnvironmentError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(there, _)| *there == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Settings::from_environment(variable, Resource::default())
}

#[test]
fn defaults_are_spans_over_grpc_to_localhost() {
    let settings = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap();
    assert_eq!(
        settings.endpoint(Signal::Traces),
        Some(&Endpoint::default())
    );
    assert_eq!(settings.endpoint(Signal::Logs), None);
    assert_eq!(settings.endpoint(Signal::Metrics), None);
}

#[test]
fn signal_specific_variables_take_precedence() {
    let settings = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/base"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l.example:9/in"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-a=b%20c, Authorization=Bearer%20t",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "70"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
        (TEMPORALITY, "Delta"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=no,k8s.cluster.name=east%2C1",
        ),
        ("OTEL_SERVICE_NAME", "edge"),
    ])
    .unwrap();
    let traces = settings.endpoint(Signal::Traces).unwrap();
    assert_eq!(traces.path(Signal::Traces).as_str(), "/base/v1/traces");
    assert_eq!(traces.protocol, Protocol::Http);
    assert_eq!(traces.authority_text(), "c.example:4318");
    assert_eq!(traces.headers["x-a"], "b c");
    assert_eq!(
        Some(&traces.authorization),
        Authorization::bearer("t").as_ref()
    );
    assert_eq!(traces.timeout, Duration::from_millis(2500));
    assert_eq!(traces.compression, Compression::Gzip);
    let files = TlsFiles {
        authority: Some("/ca".into()),
        with_system: false,
        certificate: Some("/cert".into()),
        key: Some("/key".into()),
        trusts_anyone: false,
    };
    assert_eq!(traces.tls, files);
    let logs = settings.endpoint(Signal::Logs).unwrap();
    assert_eq!(logs.path(Signal::Logs).as_str(), "/in");
    assert_eq!(logs.timeout, Duration::from_millis(70));
    let metrics = settings.endpoint(Signal::Metrics).unwrap();
    assert_eq!((metrics.protocol, metrics.port), (Protocol::Grpc, 4317));
    assert_eq!(settings.metric_interval, Duration::from_secs(15));
    assert_eq!(settings.temporality, Temporality::Delta);
    assert_eq!(settings.resource.get("service.name"), Some("edge"));
    assert_eq!(settings.resource.get("k8s.cluster.name"), Some("east,1"));
}

#[test]
fn endpoint_without_scheme_uses_tls_unless_insecure() {
    for (insecure, encrypted) in [("", true), ("false", true), ("true", false)] {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"),
            ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
        ])
        .unwrap();
        let endpoint = settings.endpoint(Signal::Traces).unwrap();
        assert_eq!(endpoint.is_encrypted, encrypted);
    }
}

#[test]
fn invalid_variable_is_named_in_the_error() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=hush%ff"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "br"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        (TEMPORALITY, "absolute"),
    ] {
        let error = read(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with("cannot use `OTEL_"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn resource_has_the_attributes_of_the_environment() {
    let resource = |attributes: &'static str, service: &'static str| {
        Resource::default().with_environment(move |name| match name {
            "OTEL_RESOURCE_ATTRIBUTES" => Some(attributes.to_owned()),
            "OTEL_SERVICE_NAME" => Some(service.to_owned()),
            _ => None,
        })
    };
    let edge = resource("k8s.node.name=node-7, service.name=no,", "edge").unwrap();
    assert_eq!(edge.get("k8s.node.name"), Some("node-7"));
    assert_eq!(edge.get("service.name"), Some("edge"));
    assert_eq!(resource(" ", "").unwrap(), Resource::default());
    let error = resource("hush", "").unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot use `OTEL_RESOURCE_ATTRIBUTES`: write `key=value,key=value`"
    );
}
