//! Brokers of a test, and what is in their topic.

use std::time::Duration;

use mermin_kafka::{Exporter, Settings};
use mermin_testing::LONGEST;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    mocking::MockCluster,
    producer::DefaultProducerContext,
};
use serde_json::Value;

pub(crate) const TOPIC: &str = "flows";
pub(crate) const PARTITIONS: i32 = 3;
const BROKERS: i32 = 2;

/// A message of the topic.
pub(crate) struct Stored {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) payload: Value,
}

impl Stored {
    pub(crate) fn id(&self) -> String {
        let text = |name: &str| self.payload[name].to_string().replace('"', "");
        format!("{}-{}", text("flow.id"), text("flow.sequence"))
    }
}

/// Two brokers in this process.
pub(crate) struct Cluster(pub(crate) MockCluster<'static, DefaultProducerContext>);

impl Cluster {
    pub(crate) fn new() -> Self {
        let cluster = MockCluster::new(BROKERS).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS, BROKERS).unwrap();
        Self(cluster)
    }

    pub(crate) fn settings(&self) -> Settings {
        let servers = self.0.bootstrap_servers();
        Settings::new(servers.split(','), TOPIC)
    }

    pub(crate) fn exporter(&self) -> Exporter {
        Exporter::new(&self.settings()).unwrap()
    }

    pub(crate) fn down(&self) {
        (1..=BROKERS).for_each(|broker| self.0.broker_down(broker).unwrap());
    }

    pub(crate) fn up(&self) {
        (1..=BROKERS).for_each(|broker| self.0.broker_up(broker).unwrap());
    }

    pub(crate) fn slow(&self, round_trip: Duration) {
        (1..=BROKERS).for_each(|broker| {
            self.0.broker_round_trip_time(broker, round_trip).unwrap();
        });
    }

    /// All messages, partition by partition.
    pub(crate) fn stored(&self) -> Vec<Stored> {
        stored(&self.0.bootstrap_servers())
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.stored().iter().map(Stored::id).collect();
        ids.sort();
        ids
    }
}

fn stored(servers: &str) -> Vec<Stored> {
    let consumer = consumer(servers);
    let mut all = TopicPartitionList::new();
    let mut left = 0;
    for partition in 0..PARTITIONS {
        let (first, end) = consumer
            .fetch_watermarks(TOPIC, partition, LONGEST)
            .unwrap();
        all.add_partition_offset(TOPIC, partition, Offset::Beginning)
            .unwrap();
        left += end - first;
    }
    consumer.assign(&all).unwrap();
    let mut messages = Vec::new();
    while left > 0 {
        messages.push(next(&consumer));
        left -= 1;
    }
    messages.sort_by_key(|message| message.partition);
    messages
}

/// Names of the records in the topic's first partition, from its first to one that is in front of `last`.
pub(crate) fn until(servers: &str, last: &str) -> Vec<String> {
    let consumer = consumer(servers);
    let mut first = TopicPartitionList::new();
    first
        .add_partition_offset(TOPIC, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&first).unwrap();
    let mut ids = Vec::new();
    loop {
        let id = next(&consumer).id();
        if id == last {
            return ids;
        }
        ids.push(id);
    }
}

fn next(consumer: &BaseConsumer) -> Stored {
    let message = consumer.poll(LONGEST).unwrap().unwrap();
    Stored {
        partition: message.partition(),
        key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
        payload: serde_json::from_slice(message.payload().unwrap()).unwrap(),
    }
}

fn consumer(servers: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap()
}
