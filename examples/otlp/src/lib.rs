//! Exports flows over OTLP, the protocol of OpenTelemetry, as spans, log records and metrics, over gRPC and HTTP.
//!
//! ```no_run
//! use mermin_core::{FlowSource, sink::{Backoff, retry}};
//! use mermin_otlp::{Endpoint, Exporter, Resource, Settings};
//!
//! # async fn export() -> Result<(), Box<dyn std::error::Error>> {
//! let collector = Endpoint::grpc("http://collector.example:4317")?;
//! let resource = Resource::of_host().with("k8s.cluster.name", "east");
//! let exporter = Exporter::new(&Settings::new(collector).resource(resource))?;
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(retry(exporter, Backoff::default())).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A record is a span with attribute names of [`mermin_core::flow::attributes`]. [`Settings::logs`] and
//! [`Settings::metrics`] add log records and sums. The README describes what receivers do with them.

mod answer;
mod block;
mod encode;
mod exporter;
mod link;
mod metrics;
mod resource;
mod settings;
mod work;

pub use mermin_program::TargetError;

pub use self::{
    block::Block,
    encode::Encoder,
    exporter::Exporter,
    resource::Resource,
    settings::{
        Compression, Endpoint, EndpointError, EnvironmentError, Protocol, Settings, Signal, Target,
        Temporality,
    },
};
