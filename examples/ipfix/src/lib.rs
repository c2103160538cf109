//! Exports flows as IPFIX (RFC 7011, RFC 7012): over UDP, over TCP, and into files (RFC 5655).
//!
//! ```no_run
//! use mermin_core::{FlowSource, sink::{Backoff, retry}};
//! use mermin_ipfix::{Exporter, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = Exporter::tcp("collector.example:4739", Settings::default().domain(7))?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(retry(exporter, Backoff::default())).await?;
//! # Ok(())
//! # }
//! ```
//!
//! By default each record of a flow becomes one or two data records of IPFIX: one for each direction that has packets or
//! dropped packets, because common collectors store such records exactly. A record without packets becomes one data record.
//! With [`Settings::biflow`], each record becomes one data record of RFC 5103. The README describes each collector.

mod encode;
mod exporter;
mod link;
mod settings;
mod sys;
mod target;

pub use mermin_program::TargetError;

pub use self::{
    encode::{Encoder, Messages},
    exporter::Exporter,
    settings::{FineTimes, Settings},
    target::Target,
};
