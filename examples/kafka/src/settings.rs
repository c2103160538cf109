//! Settings of the exporter.

use std::time::Duration;

use rdkafka::ClientConfig;

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// zstd.
    #[default]
    Zstd,
    /// LZ4.
    Lz4,
    /// Not at all.
    None,
}

impl Compression {
    /// As librdkafka calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::None => "none",
        }
    }
}

/// Where records go, and how.
///
/// ```
/// use mermin_kafka::{Compression, Settings};
///
/// let settings = Settings::new(["kafka-1:9092", "kafka-2:9092"], "flows").compression(Compression::Lz4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
pub struct Settings {
    pub(crate) brokers: Vec<String>,
    pub(crate) topic: String,
    pub(crate) compression: Compression,
    pub(crate) linger: Duration,
    pub(crate) message: usize,
    pub(crate) patience: Duration,
    pub(crate) community_id_seed: u16,
    pub(crate) others: Vec<(String, String)>,
}

impl Settings {
    /// To a topic, by a cluster of which these are brokers, each `host:port`.
    pub fn new<T: Into<String>>(
        brokers: impl IntoIterator<Item = T>,
        topic: impl Into<String>,
    ) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            topic: topic.into(),
            compression: Compression::default(),
            linger: Duration::from_millis(20),
            message: 1_000_000,
            patience: Duration::from_secs(10),
            community_id_seed: 0,
            others: Vec::new(),
        }
    }

    /// How batches are compressed. Default: zstd.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long a message waits for others of its partition. Default: 20 ms.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Octets of a message at most, before compression, and of a request. Default: 1,000,000, which brokers take unless they
    /// are told otherwise. At least 1,000. A record that is larger is dropped and counted.
    pub fn message(mut self, octets: usize) -> Self {
        self.message = octets.max(1_000);
        self
    }

    /// How long a broker may take to answer before the connection counts as broken. Default: 10 s. At least 10 ms.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(10));
        self
    }

    /// Seed of `flow.community_id`, which is the key. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// A setting of librdkafka (its CONFIGURATION.md), such as `client.rack`. Those that the promises rest on
    /// (`enable.idempotence`, `acks`, `message.timeout.ms`) are not changed by it.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.others.push((name.into(), value.into()));
        self
    }

    /// As librdkafka wants them.
    pub(crate) fn config(&self) -> ClientConfig {
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let mut config = ClientConfig::new();
        for (name, value) in [
            ("client.id", "mermin".to_owned()),
            ("bootstrap.servers", self.brokers.join(",")),
            ("compression.type", self.compression.as_str().to_owned()),
            ("linger.ms", milliseconds(self.linger)),
            ("message.max.bytes", self.message.to_string()),
            ("socket.timeout.ms", milliseconds(self.patience)),
            ("request.timeout.ms", milliseconds(self.patience)),
            // The default of 10 s would be waited for after a broker is back.
            ("reconnect.backoff.max.ms", "1000".to_owned()),
            // As the Java client has it, so that other producers of a conversation choose the same partition.
            ("partitioner", "murmur2_random".to_owned()),
        ] {
            config.set(name, value);
        }
        for (name, value) in &self.others {
            config.set(name, value);
        }
        for (name, value) in [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            // Never: a record that is given up here might be in the topic.
            ("message.timeout.ms", "0"),
        ] {
            config.set(name, value);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_guarantee_delivery_cannot_be_overridden() {
        let settings = Settings::new(["a:1", "b:2"], "t")
            .with("acks", "0")
            .with("client.rack", "r7");
        let config = settings.config();
        for (name, value) in [
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("client.rack", "r7"),
            ("bootstrap.servers", "a:1,b:2"),
            ("compression.type", "zstd"),
        ] {
            assert_eq!(config.get(name), Some(value), "{name}");
        }
    }
}
