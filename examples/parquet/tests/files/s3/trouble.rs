//! S3 that refuses, is silent, or is cut off.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    pin::pin,
    task::Poll,
    thread,
    time::Duration,
};

use futures::executor::block_on;
use mermin_core::sink::{FlowSink as _, retry, testing::flows};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::soon;

use super::{End, Moto, Way, exporter};
use crate::expected::key;

pub(super) fn refuses() {
    let moto = Moto::new();
    let way = Way::to(moto.port());
    let mut sink = retry(exporter(&way), soon());
    let meter = sink.meter().unwrap();
    let flows = flows(100);
    moto.refuse(true);
    block_on(async {
        let mut export = pin!(sink.export(&flows));
        std::future::poll_fn(|context| {
            assert!(export.as_mut().poll(context).is_pending());
            if meter.stats().retried == 0 {
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        let error = meter.stats().last_error.unwrap();
        assert!(
            error.starts_with("cannot write to `s3://flows/site/1/flows-"),
            "{error}"
        );
        assert!(
            error.contains("`: 403 Forbidden: InvalidAccessKeyId: The AWS Access Key"),
            "{error}"
        );
        moto.refuse(false);
        export.await.unwrap();
    });
    let stats = meter.stats();
    assert_eq!(
        (stats.accepted, stats.delivered, stats.waiting),
        (100, 100, 0)
    );
    assert!(stats.retried >= 100, "{stats:?}");
    assert_eq!(moto.keys(), flows.iter().map(key).collect::<Vec<_>>());
}

pub(super) fn silent() {
    let moto = Moto::new();
    let way = Way::to(moto.port());
    let bucket = Moto::bucket(way.port()).timeout(Duration::from_secs(1));
    let mut sink = Exporter::bucket(bucket, Settings::default()).unwrap();
    way.set(Some(End::Hold(0)));
    let error = block_on(sink.export(&flows(10))).unwrap_err().to_string();
    assert!(error.ends_with("`: no answer within 1 s"), "{error}");
    way.set(None);
    // One second may be short on a busy machine.
    let mut sink = retry(sink, soon());
    block_on(sink.export(&flows(10))).unwrap();
    assert_eq!(moto.keys().len(), 10);
}

/// Neither an answer of another protocol nor one without an end counts as stored.
pub(super) fn nonsense() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let bucket = Moto::bucket(port).timeout(Duration::from_secs(2));
        let mut sink = Exporter::bucket(bucket, Settings::default()).unwrap();
        let error = block_on(sink.export(&flows(10))).unwrap_err().to_string();
        assert!(error.starts_with("cannot write to `s3://flows/"), "{error}");
    }
}

pub(super) fn cut() {
    let moto = Moto::new();
    let way = Way::to(moto.port());
    let mut sink = exporter(&way);
    let flows = flows(1000);
    for octets in [0, 100, 1500, 20_000, 40_000] {
        way.set(Some(End::Cut(octets)));
        let error = block_on(sink.export(&flows)).unwrap_err().to_string();
        assert!(error.starts_with("cannot write to `s3://"), "{error}");
        way.wait_for_an_end();
        assert_eq!(moto.keys(), [], "{octets}");
    }
    way.set(None);
    block_on(sink.export(&flows)).unwrap();
    assert_eq!(moto.keys(), flows.iter().map(key).collect::<Vec<_>>());
}
