//! Prometheus' own linter.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{Backoff, FlowSink as _, retry, testing::flows},
};
use mermin_prometheus::{Format, Label, Settings};

use crate::support::{capture, exporter};

/// Every family, with samples, has a help, a type and a name by the rules.
pub(crate) fn lints() {
    let exporter = exporter(Settings::default().labels(Label::ALL));
    let watch = exporter.watch();
    let mut sink = retry(exporter, Backoff::default());
    watch.sink("ipfix+file:\"a\\b\"", sink.meter().unwrap());
    let mut source = block_on(FlowSource::builder().pcap(capture()).open()).unwrap();
    watch.source(source.handle());
    block_on(async {
        sink.export(&flows(500)).await.unwrap();
        source.run(sink).await.unwrap();
    });
    let page = watch.page(Format::Text);
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
