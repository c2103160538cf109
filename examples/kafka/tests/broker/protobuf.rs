//! Records as Protocol Buffers, read by a consumer and a compiler that others wrote.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    flow::AddedAttribute,
    sink::{FlowSink as _, testing::detailed_flows},
};
use mermin_kafka::{Exporter, Format};
use mermin_testing::{id, json};
use serde_json::Value;

use crate::support::{Cluster, TOPIC};

/// An attribute that a program adds.
const POD: &str = "source.k8s.pod.name";

/// Each has every attribute of its flow, and nothing else.
#[test]
#[ignore = "takes a Python with confluent-kafka and grpcio-tools in MERMIN_KAFKA_PYTHON"]
fn protobuf_consumer_reads_every_attribute() {
    let cluster = Cluster::new();
    let mut flows = detailed_flows(1200);
    for (number, flow) in (0..).zip(&mut flows) {
        let pod = AddedAttribute::new(POD, format!("web-{number}").as_str());
        flow.added_attributes = [[pod].into()].into();
    }
    let settings = cluster.settings().format(Format::Protobuf);
    let mut sink = Exporter::new(&settings).unwrap();
    for batch in flows.chunks(300) {
        block_on(sink.export(batch)).unwrap();
    }
    block_on(sink.close()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env::var_os("MERMIN_KAFKA_PYTHON").unwrap())
        .arg(folder.join("tests/broker/consume.py"))
        .args([cluster.0.bootstrap_servers().as_str(), TOPIC])
        .arg(folder.join("flow.proto"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let records = output.stdout.split(|octet| *octet == b'\n');
    let mut read = BTreeMap::new();
    for record in records.filter(|record| !record.is_empty()) {
        let record: Value = serde_json::from_slice(record).unwrap();
        let key = format!(
            "{}-{}",
            record["flow_id"].as_str().unwrap(),
            record["flow_sequence"]
        );
        assert!(read.insert(key, record).is_none());
    }
    let expected: BTreeMap<_, _> = flows.iter().map(|it| (id(it), expected(it))).collect();
    assert_eq!(read.len(), expected.len());
    for (id, record) in expected {
        assert_eq!(read[&id], record);
    }
}

/// The record as JSON has it, by names of fields, and with times as numbers.
fn expected(flow: &Flow) -> Value {
    let Value::Object(record) = json(flow) else {
        panic!("a record is an object");
    };
    let (added, record): (Vec<_>, Vec<_>) = record.into_iter().partition(|(name, _)| name == POD);
    let added = (
        "added_attributes".to_owned(),
        Value::Object(added.into_iter().collect()),
    );
    let fields = record.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "flow.start" => nanoseconds(flow.start),
            "flow.end" => nanoseconds(flow.end),
            _ => value,
        };
        (name.replace('.', "_"), value)
    });
    Value::Object(fields.chain([added]).collect())
}

fn nanoseconds(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap().into()
}
