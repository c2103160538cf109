//! Every query of the dashboard has a result in a Prometheus that scrapes an exporter.

use futures::executor::block_on;
use mermin_core::{
    FlowSource,
    sink::{Backoff, FlowSink as _, retry, testing::flows},
};
use mermin_prometheus::Settings;
use mermin_testing::wait;
use serde_json::Value as Json;

use crate::support::{Prometheus, capture, exporter};

pub(crate) fn shows() {
    let file = include_str!("../../dashboard.json");
    let dashboard: Json = serde_json::from_str(file).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<(&str, String)> = panels
        .iter()
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap();
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(move |target| {
                let query = target["expr"].as_str().unwrap();
                (
                    title,
                    query
                        .replace("$__rate_interval", "1m")
                        .replace("$interface", ".*"),
                )
            })
        })
        .collect();
    assert!(queries.len() >= panels.len());

    let exporter = exporter(Settings::default());
    let address = exporter.address();
    let watch = exporter.watch();
    let mut sink = retry(exporter, Backoff::default());
    watch.sink("prometheus", sink.meter().unwrap());
    let mut source = block_on(FlowSource::builder().pcap(capture()).open()).unwrap();
    watch.source(source.handle());
    block_on(async {
        sink.export(&flows(500)).await.unwrap();
        // The exporter is kept, because a source closes its sink and drops it.
        source.run(&mut sink).await.unwrap();
    });
    let prometheus = Prometheus::of(address);
    // A rate takes two.
    prometheus.wait_for_scrapes(3);
    for (title, query) in queries {
        assert!(!query.contains('$'), "{title}: {query}");
        wait(|| {
            let found = prometheus.query(&query);
            assert!(prometheus.query("up == 0").is_empty());
            !found.is_empty()
        });
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let of = variables[1]["query"]["query"].as_str().unwrap();
    let (metric, label) = of
        .trim_start_matches("label_values(")
        .trim_end_matches(')')
        .split_once(", ")
        .unwrap();
    assert!(
        prometheus
            .query(metric)
            .iter()
            .all(|(labels, _)| labels.contains_key(label))
    );
}
