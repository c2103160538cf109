//! Exports flows as metrics that Prometheus scrapes: sums by interface and protocol, or by labels of your choice, and the pairs
//! of addresses with most traffic. There are never more series than were allowed, and what has none is in a series of its
//! own, so the sum over all is always what the flows had.
//!
//! ```no_run
//! use mermin_core::FlowSource;
//! use mermin_prometheus::{Exporter, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = Exporter::listen("127.0.0.1:9464".parse()?, Settings::default())?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! exporter.watch().source(source.handle());
//! source.run(exporter).await?;
//! # Ok(())
//! # }
//! ```

mod count;
mod exporter;
mod page;
mod serve;
mod settings;
mod target;

pub use mermin_program::TargetError;

pub use self::{
    count::{Label, State},
    exporter::{Exporter, Watch},
    page::Format,
    serve::ListenError,
    settings::Settings,
    target::Target,
};
