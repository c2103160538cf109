//! Exports flows to a stream of NATS `JetStream`. Each record is a JSON message with the id
//! `flow.id`-`flow.sequence`, so the stream has it once.
//!
//! ```no_run
//! use mermin_core::{FlowSource, sink::{Backoff, retry}};
//! use mermin_nats::{Exporter, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = Exporter::new(Settings::new(["nats.example:4222"], "FLOWS"))?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(retry(exporter, Backoff::default())).await?;
//! # Ok(())
//! # }
//! ```

mod exporter;
mod link;
mod progress;
mod protocol;
mod settings;
mod target;

pub use mermin_program::TargetError;

pub use self::{
    exporter::Exporter,
    settings::{Credentials, Settings},
    target::Target,
};
