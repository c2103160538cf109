//! Settings of the exporter.

use std::time::Duration;

use rdkafka::ClientConfig;

/// Compression of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard.
    #[default]
    Zstd,
    /// LZ4.
    Lz4,
    /// None.
    None,
}

impl Compression {
    /// Returns librdkafka's name.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::None => "none",
        }
    }
}

/// Form of a message's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One JSON object, as [`JsonLines`](mermin_core::sink::JsonLines) writes it.
    #[default]
    Json,
    /// The message `Flow` of `flow.proto` in Protocol Buffers, without a length or a schema id before it.
    Protobuf,
}

/// Topic, brokers and options.
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
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) linger: Duration,
    pub(crate) message: usize,
    pub(crate) patience: Duration,
    pub(crate) community_id_seed: u16,
    pub(crate) others: Vec<(String, String)>,
}

impl Settings {
    /// Creates settings for a topic in the cluster of these brokers, each `host:port`.
    pub fn new<T: Into<String>>(
        brokers: impl IntoIterator<Item = T>,
        topic: impl Into<String>,
    ) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            topic: topic.into(),
            format: Format::default(),
            compression: Compression::default(),
            linger: Duration::from_millis(20),
            message: 1_000_000,
            patience: Duration::from_secs(10),
            community_id_seed: 0,
            others: Vec::new(),
        }
    }

    /// Sets the form of messages' values. Default: JSON.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the compression of batches. Default: zstd.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets how long a message waits for others of its partition. Default: 20 ms.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Sets the size limit in octets of a message, before compression, and of a request. Default: 1,000,000, the
    /// default limit of brokers. At least 1,000. A larger record is dropped and counted. Batches become smaller by
    /// themselves if the topic takes less.
    pub fn message(mut self, octets: usize) -> Self {
        self.message = octets.max(1_000);
        self
    }

    /// Sets the timeout of a broker's response. Default: 10 s. At least 10 ms.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(10));
        self
    }

    /// Sets the seed of `flow.community_id`, which is the key. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Sets an option of librdkafka (its CONFIGURATION.md), such as `client.rack`. It cannot change those that
    /// delivery depends on (`enable.idempotence`, `acks`, `message.timeout.ms`).
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.others.push((name.into(), value.into()));
        self
    }

    /// Returns the settings for librdkafka.
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
            // With the default of 10 s, reconnecting would be slow after an outage.
            ("reconnect.backoff.max.ms", "1000".to_owned()),
            // The same as in the Java client, so that other producers choose the same partition for a conversation.
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
            // Unlimited: a message that timed out might be in the topic.
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
