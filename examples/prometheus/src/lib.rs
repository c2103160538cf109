//! Exports flows as metrics that Prometheus scrapes: sums by interface and protocol, or by chosen labels, and the
//! pairs of addresses with most traffic. The number of series is limited. Flows without a series of their own are in
//! a separate series. When a series is removed, its value is added to a gauge, which has the sum of all removed series
//! (`mermin_flow_expired_..`, `mermin_pair_expired_..`). So all series of a metric and its gauge always add up to the sum over
//! all records.
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
    page::{Format, Metric},
    serve::{ListenError, listen},
    settings::Settings,
    target::Target,
};
