//! Exports flows to a topic of Kafka. Each record is a message, JSON or Protocol Buffers. Its key is its
//! Community ID, so all records of a conversation are in one partition. The producer is idempotent: a message that it sends again is
//! stored once. The README names the two cases in which a record may be stored twice.
//!
// Without the feature there is nothing that the example could use.
#![cfg_attr(feature = "librdkafka", doc = "```no_run")]
#![cfg_attr(not(feature = "librdkafka"), doc = "```ignore")]
//! use mermin_core::{FlowSource, sink::{Backoff, retry}};
//! use mermin_kafka::{Exporter, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = Exporter::new(&Settings::new(["kafka.example:9092"], "flows"))?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(retry(exporter, Backoff::default())).await?;
//! # Ok(())
//! # }
//! ```

#![cfg(feature = "librdkafka")]

mod exporter;
mod payload;
mod producer;
mod settings;
mod target;

pub use mermin_program::TargetError;

pub use self::{
    exporter::{Exporter, StartError},
    settings::{Compression, Format, Settings},
    target::Target,
};
