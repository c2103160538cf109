//! Network flows of this host as an async stream, captured with eBPF.
//!
//! ```no_run
//! use futures::StreamExt;
//! use mermin_core::FlowSource;
//!
//! # async fn watch() -> Result<(), mermin_core::Error> {
//! let mut flows = FlowSource::builder().interfaces(["eth*", "veth*"]).open().await?;
//! eprint!("{}", flows.report()); // empty when nothing was given up
//! while let Some(flow) = flows.next().await {
//!     println!("{}", flow?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each item is a record of a flow ([`Flow`]): one when the flow ends, and one every active timeout (60 s,
//! [`active_timeout`](FlowSourceBuilder::active_timeout)) while it goes on, so the first may take a while. Add up
//! [`Count::delta`](flow::Count::delta) of records, not `total`. `next` is of `futures` or any crate that extends
//! `futures_core::Stream`.
//!
//! The kernel program counts; this crate reads its memory. Any runtime can poll the stream: a thread of the source's own
//! does whatever touches the kernel. Flows and named counters together equal what crossed the hooks, in packets and in
//! octets ([`Stats`]); what the host cannot do is given up aloud ([`Report`]).
//!
//! [`filter`] says which flows are wanted, [`Handle`] asks for statistics and changes a running source from any thread,
//! [`sink`] takes flows elsewhere ([`FlowSource::run`]), and [`FlowSourceBuilder::preflight`] tells what a host can do before
//! anything is captured. Feature `pcap` reads capture files, and `pcap-compressed` those that gzip, zstd or lz4 compressed.
//!
//! A program of your own is tested without root: [`FlowSource::replay`] makes a source of records, [`Flow::new`], [`Error::new`],
//! [`Degradation::new`] and the defaults of [`Stats`] and [`Report`] make what it gives, and feature `testing` has a check of sinks.
//!
//! Needs Linux 5.14 on x86-64 or arm64, and the capabilities `NET_ADMIN`, `BPF` and `PERFMON`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attach;
mod bpf;
mod error;
pub mod filter;
pub mod flow;
mod iface;
mod join;
#[cfg(feature = "__lab")]
#[doc(hidden)]
pub mod lab;
#[cfg(feature = "pcap")]
mod pcap;
mod points;
mod probe;
pub mod report;
pub mod sink;
mod source;
mod sys;
mod table;
mod words;

pub use attach::{Attach, TcxOrder};
pub use error::{Error, ErrorKind, Explained};
pub use filter::Filter;
pub use flow::Flow;
pub use iface::{NetNs, Pattern, Preset};
pub use join::Join;
pub use report::{Degradation, Report, Stats, hook::Mechanism};
pub use source::{
    Acknowledger, FlowKey, FlowSource, FlowSourceBuilder, Handle, Pinning, Reconfigured, Replay,
    Replayed, Reports, Run, Setting, Tunnels,
};
pub use table::Timeouts;
