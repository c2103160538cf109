//! Network flows of this host as an async stream, captured with eBPF.
//!
//! ```no_run
//! use futures::StreamExt;
//! use mermin_core::FlowSource;
//!
//! # async fn watch() -> Result<(), mermin_core::Error> {
//! let mut flows = FlowSource::builder().interfaces(["eth*", "veth*"]).open().await?;
//! eprint!("{}", flows.report()); // degradations, notices, filters left by killed processes; or nothing
//! while let Some(flow) = flows.next().await {
//!     println!("{}", flow?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each item is a record of a flow ([`Flow`]). A flow has a record when it ends and, while it lasts, one every 60 s
//! ([`active_timeout`](FlowSourceBuilder::active_timeout)) if it has new packets. So the first record may take a while.
//! To sum traffic, add up [`Count::delta`](flow::Count::delta), not `total`. `next` comes from `futures`, or from any
//! crate that extends `futures_core::Stream`.
//!
//! The kernel program counts, and this crate reads its memory. Any runtime can poll the stream, because threads of the
//! source do all work with the kernel. Flows and reasons together equal the traffic that crossed the hooks, in packets
//! and in octets ([`Stats`]). If the host lacks a feature, the source uses a fallback and reports it
//! ([`Report`]).
//!
//! * [`filter`] selects flows and records.
//! * [`Handle`] reads statistics and changes a running source, from any thread.
//! * [`sink`] exports records ([`FlowSource::run`]).
//! * [`FlowSourceBuilder::preflight`] checks a host before anything is captured.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `pcap` | `FlowSourceBuilder::pcap`: flows of a capture file |
//! | `pcap-compressed` | the same for files compressed by gzip, zstd or lz4 |
//! | `quic` | server name and protocols of QUIC for [`names`](FlowSourceBuilder::names) |
//! | `serde` | `Serialize` and `Deserialize` for [`Flow`], [`Stats`] and [`Report`] |
//! | `tracing` | a span and events when the state of a capture changes, for subscribers of `tracing`: docs/EVENTS.md |
//! | `bytes` | `sink::json_bytes`: each batch as JSON in a `bytes::Bytes` |
//! | `futures-sink` | `sink::from_sink`: a `futures_sink::Sink` as a sink of flows |
//! | `tower` | `sink::from_service`: a `tower_service::Service` as a sink of flows |
//! | `testing` | `sink::testing`: records of every kind, a clock that tests set, and checks for a sink of your own |
//!
//! You can test your program without root. [`FlowSource::replay`] turns records into a source. To make test data, use
//! [`Flow::new`], [`Error::new`], [`Degradation::new`] and the defaults of [`Stats`] and [`Report`]. Feature `testing`
//! has checks for sinks.
//!
//! Needs Linux 5.14 on x86-64, or 5.18 on arm64, and the capabilities `NET_ADMIN`, `BPF` and `PERFMON`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attach;
mod bpf;
mod error;
mod failpoint;
pub mod filter;
pub mod flow;
mod iface;
mod join;
#[cfg(feature = "__lab")]
#[doc(hidden)]
pub mod lab;
mod nat;
mod payload;
#[cfg(feature = "pcap")]
mod pcap;
mod plural;
mod probe;
mod process;
pub mod report;
pub mod sink;
mod source;
mod sys;
mod table;

pub use attach::{Attach, TcxOrder};
pub use error::{Error, ErrorKind, Explained};
pub use filter::Filter;
pub use flow::Flow;
pub use iface::{NetNs, Pattern, Preset};
pub use join::Join;
pub use report::{Degradation, Report, Stats, hook::Mechanism};
#[cfg(feature = "pcap")]
pub use source::Pace;
pub use source::{
    Acknowledger, Decapsulation, FlowKey, FlowSource, FlowSourceBuilder, Handle, Handover,
    OpenFlows, Pinning, Reconfigured, Replay, Replayed, Reports, Run, Sampling, Setting,
};
pub use table::Timeouts;
