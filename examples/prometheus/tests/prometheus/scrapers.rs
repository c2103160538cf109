//! Scrapers that one does not wish for.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::sink::{FlowSink as _, testing::flows};
use mermin_prometheus::{Exporter, Format, Label, Settings};
use mermin_testing::wait;

use crate::support::{exporter, get, samples, scrape, sum, try_scrape};

fn outcome(page: &str, name: &str) -> u64 {
    let scrapes = samples(page, "mermin_scrapes_total").into_iter();
    scrapes
        .filter(|(labels, _)| labels["outcome"] == name)
        .map(|(_, count)| count)
        .sum()
}

/// Somebody asks whether the port is open, as a probe of Kubernetes does. That is no scrape.
pub(crate) fn probe() {
    let exporter = exporter(Settings::default());
    let watch = exporter.watch();
    let scrapes = || {
        let page = watch.page(Format::Text);
        let outcomes = samples(&page, "mermin_scrapes_total").into_iter();
        outcomes.map(|(_, count)| count).sum::<u64>()
    };
    for _ in 0..3 {
        let mut probe = TcpStream::connect(exporter.address()).unwrap();
        probe.shutdown(Shutdown::Write).unwrap();
        // The server has seen the end when it closes its side.
        let _ = probe.read(&mut [0]);
    }
    scrape(exporter.address());
    wait(|| scrapes() > 0);
    assert_eq!(scrapes(), 1);
}

/// It holds up nobody, and is let go.
pub(crate) fn silent() {
    let exporter = exporter(Settings::default().patience(Duration::from_secs(2)));
    let watch = exporter.watch();
    let mut nothing = TcpStream::connect(exporter.address()).unwrap();
    let mut half = TcpStream::connect(exporter.address()).unwrap();
    half.write_all(b"GET /metrics HT").unwrap();
    scrape(exporter.address());
    // Closed by the other side, without a word or with an error.
    assert!(nothing.read(&mut [0]).is_ok_and(|octets| octets == 0));
    let mut words = String::new();
    let _ = half.read_to_string(&mut words);
    assert!(!words.contains("mermin_"), "{words}");
    wait(|| outcome(&watch.page(Format::Text), "too_slow") == 2);
}

/// Its page waits in no more memory than the page's own, and flows go on.
pub(crate) fn does_not_read() {
    let settings = Settings::default()
        .labels([Label::SourceAddress])
        .series(20_000)
        .patience(Duration::from_secs(2));
    let mut exporter = exporter(settings);
    let watch = exporter.watch();
    // More than the sockets' buffers take.
    block_on(exporter.export(&flows(20_000))).unwrap();
    assert!(watch.page(Format::Text).len() > 8_000_000);
    let mut idle = TcpStream::connect(exporter.address()).unwrap();
    idle.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    // It is being answered.
    idle.peek(&mut [0]).unwrap();
    block_on(exporter.export(&flows(100))).unwrap();
    assert_eq!(
        sum(&scrape(exporter.address()), "mermin_flow_records_total"),
        20_100
    );
    wait(|| outcome(&watch.page(Format::Text), "too_slow") == 1);
}

/// One more is closed at once, and those that go make room.
pub(crate) fn too_many() {
    let exporter = exporter(Settings::default().connections(2));
    let watch = exporter.watch();
    let kept: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(exporter.address()).unwrap())
        .collect();
    let mut refused = TcpStream::connect(exporter.address()).unwrap();
    assert_eq!(refused.read(&mut [0]).unwrap(), 0);
    assert_eq!(outcome(&watch.page(Format::Text), "refused"), 1);
    drop(kept);
    wait(|| try_scrape(exporter.address()).is_some());
}

pub(crate) fn other_things() {
    let exporter = exporter(Settings::default());
    let address = exporter.address();
    let (head, body) = get(address, "GET /", "");
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert_eq!(body, "the metrics are at /metrics\n");
    let (head, _) = get(address, "POST /metrics", "Content-Length: 0\r\n");
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(
        head.to_ascii_lowercase().contains("allow: get, head"),
        "{head}"
    );
    let (head, body) = get(address, "HEAD /metrics", "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, "");
    let (head, body) = get(
        address,
        "GET /metrics",
        "Accept: application/openmetrics-text\r\n",
    );
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(body.ends_with("\n# EOF\n"));
    let (head, _) = get(address, "nonsense", "");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    let (head, _) = get(address, "GET /metrics", &long);
    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
}

pub(crate) fn port_in_use() {
    let first = exporter(Settings::default());
    let Err(error) = Exporter::listen(first.address(), Settings::default()) else {
        panic!("two listen on one port");
    };
    let port = first.address().port();
    assert_eq!(
        error.in_words(),
        format!(
            "cannot listen on `127.0.0.1:{port}`\n  because: Address already in use (os error 98)\n  \
             what to do: choose another port, or see who has this one: `ss -ltnp 'sport = :{port}'`"
        )
    );
    // The first one goes, and with it the port is free, though nobody waited for its thread.
    let address = first.address();
    drop(first);
    wait(|| Exporter::listen(address, Settings::default()).is_ok());
}

/// The last counts are seen, and closing ends when they were, and not before.
pub(crate) fn linger() {
    let mut exporter = exporter(Settings::default().linger(Duration::from_mins(10)));
    let address = exporter.address();
    scrape(address);
    block_on(exporter.export(&flows(7))).unwrap();
    let closing = thread::spawn(move || block_on(async { exporter.close().await }));
    let mut last = None;
    // A scrape that began before it was closing does not end it; the next one does.
    wait(|| {
        last = try_scrape(address).or(last.take());
        closing.is_finished()
    });
    closing.join().unwrap().unwrap();
    assert_eq!(sum(&last.unwrap(), "mermin_flow_records_total"), 7);
}
