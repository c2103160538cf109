//! `--to kafka://`, to a broker that no one here wrote.
use std::process::Command;

use mermin_testing::Tansu;

/// Prints the names of the records in a topic, up to as many as are expected.
const READ: &str = "
import json, sys
from confluent_kafka import Consumer, TopicPartition
consumer = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'test'})
partitions = consumer.list_topics('flows', 10).topics['flows'].partitions
consumer.assign([TopicPartition('flows', number, 0) for number in partitions])
for message in consumer.consume(int(sys.argv[2]), timeout=30):
    flow = json.loads(message.value())
    assert message.key().decode() == flow['flow.community_id']
    print(flow['flow.id'], flow['flow.sequence'])
";

#[test]
#[ignore = "takes a Python with Tansu in MERMIN_KAFKA_PYTHON"]
fn topic_has_every_record_of_a_capture() {
    let broker = Tansu::new();
    let target = format!("kafka://{}/flows", broker.address());
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../mermin-core/tests/captures/mixed.pcap"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_mermin-export"))
        .args(["--pcap", capture, "--to", &target])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.starts_with("kafka://"));
    let numbers: Vec<_> = line.unwrap().split_whitespace().skip(1).collect();
    assert_eq!(numbers, ["8", "8", "0", "0"], "{said}");
    let output = Command::new(Tansu::python())
        .args(["-c", READ, &broker.address(), "8"])
        .output()
        .unwrap();
    let read = String::from_utf8(output.stdout).unwrap();
    let mut ids: Vec<_> = read.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8, "{}", String::from_utf8_lossy(&output.stderr));
}
