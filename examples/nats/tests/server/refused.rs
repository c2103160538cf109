//! Servers and streams that do not take everything.

use std::time::Duration;

use futures::executor::block_on;
use mermin_core::sink::{DropReason, FlowSink, Overflow, buffered, retry, testing::flows};
use mermin_nats::{Credentials, Exporter};
use mermin_testing::{ids, soon, wait};
use serde_json::json;

use crate::support::{Client, STREAM, Server};

/// A stream that takes no more refuses part of a batch: it is given again until there is room.
pub(crate) fn full() {
    let server = Server::new();
    server.create(&json!({"max_msgs": 150, "discard": "new"}));
    let mut sink = buffered(retry(server.exporter(), soon()), 1000, Overflow::Block);
    let meter = sink.meter().unwrap();
    let flows = flows(250);
    for batch in flows.chunks(100) {
        block_on(sink.export(batch)).unwrap();
    }
    let mut closing = Box::pin(sink.close());
    let mut client = server.client();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    wait(|| {
        assert!(closing.as_mut().poll(&mut context).is_pending());
        client.count() == 150 && meter.stats().retried > 0
    });
    let stats = meter.stats();
    assert_eq!(stats.dropped_in_all(), 0);
    let words = stats.last_error.unwrap();
    assert!(
        words.ends_with("maximum messages exceeded (10077)"),
        "{words}"
    );
    let mut stored = server.ids();
    client.must(&format!("STREAM.PURGE.{STREAM}"), "");
    block_on(closing).unwrap();
    stored.extend(server.ids());
    assert_eq!(stored, ids(&flows));
    assert_eq!(meter.stats().delivered, 250);
}

/// Those are dropped and counted, and the rest of the batch arrives.
pub(crate) fn too_large() {
    let server = Server::with("max_payload: 20000");
    server.create(&json!({"max_msg_size": 8000}));
    let mut all = flows(100);
    // More than the server takes, and more than the stream does.
    all[7].interface.name = "x".repeat(30_000).into();
    all[77].interface.name = "x".repeat(10_000).into();
    let mut sink = server.exporter();
    block_on(sink.export(&all)).unwrap();
    let stats = sink.meter().unwrap().stats();
    assert_eq!((stats.accepted, stats.delivered), (100, 98));
    assert_eq!(stats.dropped_by(DropReason::Unsendable), 2);
    assert_eq!(stats.dropped_in_all(), 2);
    all.remove(77);
    all.remove(7);
    assert_eq!(server.ids(), ids(&all));
}

/// It is made again where that is wanted, and reported where it is not.
pub(crate) fn gone() {
    let server = Server::new();
    let flows = flows(200);
    let (first, second) = flows.split_at(100);
    let mut sink = server.exporter();
    let mut client = server.client();
    block_on(sink.export(first)).unwrap();
    client.must(&format!("STREAM.DELETE.{STREAM}"), "");
    let error = block_on(sink.export(second)).unwrap_err().to_string();
    assert!(error.contains("no stream takes `FLOWS."), "{error}");
    block_on(sink.export(second)).unwrap();
    assert_eq!(server.ids(), ids(second));
    client.must(&format!("STREAM.DELETE.{STREAM}"), "");
    let mut sink = Exporter::new(server.settings().create(false)).unwrap();
    let error = block_on(sink.export(first)).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot export to the stream `FLOWS`: stream not found"
    );
    // Another stream that takes the subject is not the one that was named.
    let other = json!({"name": "OTHER", "subjects": ["x"], "storage": "file"}).to_string();
    client.must("STREAM.CREATE.OTHER", &other);
    server.create(&json!({}));
    let settings = server.settings().create(false).subject("x");
    let mut sink = Exporter::new(settings).unwrap();
    let error = block_on(sink.export(first)).unwrap_err().to_string();
    assert!(error.contains("expected stream does not match"), "{error}");
    assert_eq!(server.client().count(), 0);
}

/// A server that acknowledges what it does not keep is not trusted.
pub(crate) fn unfit() {
    for (config, words) in [
        (json!({"no_ack": true}), "it acknowledges nothing"),
        (
            json!({"retention": "interest"}),
            "it keeps what a consumer waits for, and has none",
        ),
        (
            json!({"max_bytes": 1000}),
            "would be acknowledged and not stored",
        ),
    ] {
        let server = Server::new();
        server.create(&config);
        let mut sink = server.exporter();
        let error = block_on(sink.export(&flows(3))).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(sink.meter().unwrap().stats().accepted, 0);
    }
}

pub(crate) fn credentials() {
    let user = Server::with("authorization { user: \"me\", password: \"hush\" }");
    let token = Server::with("authorization { token: \"hush\" }");
    for (server, right) in [
        (&user, Credentials::user("me", "hush")),
        (&token, Credentials::Token("hush".to_owned())),
    ] {
        for wrong in [
            Credentials::Nobody,
            Credentials::user("me", "loud"),
            Credentials::Token("loud".to_owned()),
        ] {
            let mut sink = Exporter::new(server.settings().credentials(wrong)).unwrap();
            let error = block_on(sink.export(&flows(3))).unwrap_err().to_string();
            assert!(error.ends_with("Authorization Violation"), "{error}");
            assert!(!error.contains("loud"), "{error}");
        }
        let mut sink = Exporter::new(server.settings().credentials(right)).unwrap();
        wait(|| block_on(sink.export(&flows(3))).is_ok());
    }
}

/// A user who may neither ask for the stream nor make it exports to it all the same; what may not be published is
/// reported.
pub(crate) fn publisher() {
    let server = Server::with(
        "authorization { users: [\
           {user: all, password: hush}, \
           {user: some, password: hush, permissions: {publish: [\"FLOWS.>\"], subscribe: [\"_INBOX.>\"]}}] }",
    );
    let all = r#"{"user":"all","pass":"hush"}"#;
    let config = json!({"name": STREAM, "subjects": ["FLOWS.>"], "storage": "file"}).to_string();
    wait(|| {
        let client = Client::new(server.port, all);
        client.is_some_and(|mut it| it.ask("STREAM.CREATE.FLOWS", &config).is_some())
    });
    let settings = || {
        let some = Credentials::user("some", "hush");
        server
            .settings()
            .credentials(some)
            .patience(Duration::from_secs(5))
    };
    let mut sink = Exporter::new(settings()).unwrap();
    let flows = flows(100);
    block_on(sink.export(&flows)).unwrap();
    let stored = Client::new(server.port, all).unwrap().stored();
    assert_eq!(stored.len(), 100);
    let mut sink = Exporter::new(settings().subject("other")).unwrap();
    let error = block_on(sink.export(&flows)).unwrap_err().to_string();
    assert!(
        error.contains("Permissions Violation for Publish to \"other\""),
        "{error}"
    );
}
