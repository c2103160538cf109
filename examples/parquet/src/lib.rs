//! Exports flows as Parquet files, into a folder or, with the feature `s3`, into a bucket.
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
//! A record has arrived when the file that holds it is whole, on the disk and has its name. The README says what that means for a
//! source, and what each reader makes of the columns.

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
