//! Network flows of this host as an async stream, captured with eBPF.

mod attach;
mod bpf;
mod error;
pub mod flow;
mod iface;
mod probe;
pub mod report;
pub mod sink;
mod source;
mod sys;
mod table;

pub use attach::{Attach, Mechanism};
pub use error::{Error, ErrorKind};
pub use flow::Flow;
pub use iface::Pattern;
pub use report::{Degradation, Report, Stats};
pub use source::{FlowSource, FlowSourceBuilder, Handle};
pub use table::Timeouts;
