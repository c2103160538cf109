//! Exports flows as Parquet files to a directory or, with the feature `s3`, to a bucket.
//!
//! ```no_run
//! use mermin_core::{FlowSource, sink::{Backoff, retry}};
//! use mermin_parquet::{Exporter, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::default().rows(100_000);
//! let batching = settings.batching(); // a batch is a file
//! let exporter = Exporter::folder("/var/lib/flows", settings)?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(retry(exporter, Backoff::default())).batch(batching).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A record is delivered when its file is complete under its final name, on the disk or in the bucket. The README describes
//! the consequences for a source, and how readers show the columns.

mod columns;
mod encode;
mod exporter;
mod layout;
mod name;
mod settings;
mod store;
mod target;

pub use mermin_program::TargetError;

#[cfg(feature = "s3")]
pub use self::store::Bucket;
pub use self::{
    columns::{Column, Kind, columns},
    encode::{EncodeError, Encoded, Encoder},
    exporter::{Exporter, OpenError},
    settings::{Codec, Settings},
    store::Leftover,
    target::Target,
};
