//! Tests of the endpoint.

use super::*;

#[test]
fn endpoint_is_parsed_into_its_parts() {
    let one = Endpoint::grpc("http://collector").unwrap();
    assert_eq!(one.authority_text(), "collector:4317");
    assert!(!one.is_encrypted);
    assert_eq!(one.path(Signal::Logs).as_str(), Signal::Logs.grpc_path());
    let other = Endpoint::http("https://[2001:db8::1]:443/otlp/").unwrap();
    assert_eq!(other.authority_text(), "[2001:db8::1]:443");
    assert_eq!(other.host, "2001:db8::1");
    assert!(other.is_encrypted);
    assert_eq!(other.path(Signal::Metrics).as_str(), "/otlp/v1/metrics");
    assert_eq!(other.whole_path().path(Signal::Metrics).as_str(), "/otlp");
    let root = Endpoint::http("http://a").unwrap();
    assert_eq!(root.clone().whole_path().path(Signal::Traces).as_str(), "/");
    assert_eq!(root.authority_text(), "a:4318");
}

#[test]
fn invalid_endpoint_error_does_not_print_secrets() {
    for url in ["collector:4317", "ftp://a", "http://", "http://a b", ""] {
        let error = Endpoint::grpc(url).unwrap_err().to_string();
        assert!(error.starts_with("cannot export to `"), "{error}");
    }
    let error = Endpoint::http("http://me:hush@a").unwrap_err().to_string();
    assert!(!error.contains("hush"), "{error}");
    let endpoint = Endpoint::default();
    let error = endpoint.clone().header("x-key", "hush\n1").unwrap_err();
    assert!(!error.to_string().contains("hush"), "{error}");
    let kept = endpoint.header("X-Key", " hush ").unwrap();
    assert!(!format!("{kept:?}").contains("hush"), "{kept:?}");
    assert_eq!(kept.headers["x-key"], "hush");
}
