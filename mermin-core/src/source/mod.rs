//! The public API of a source: a builder, a stream of flows, a handle.

mod acknowledge;
mod builder;
mod capture;
mod changes;
mod control;
mod engine;
mod flow_key;
mod handle;
mod handover;
#[cfg(feature = "pcap")]
mod offline;
mod open;
mod open_flows;
mod options;
#[cfg(feature = "pcap")]
mod pace;
mod pages;
pub(crate) mod pinning;
mod queue;
mod reconfigure;
mod records;
mod replay;
mod reports;
mod sampling;
mod stream;
mod tunnels;

#[cfg(feature = "__lab")]
pub use self::capture::thread::harness::{Phases, TableSums};
#[cfg(all(feature = "pcap", feature = "__lab"))]
pub(crate) use self::offline::FrameCounter;
#[cfg(all(feature = "pcap", feature = "__lab"))]
pub use self::offline::{CaptureOutcome, Captured, for_each_captured, read_capture};
#[cfg(feature = "pcap")]
pub use self::pace::Pace;
pub use self::{
    builder::FlowSourceBuilder,
    flow_key::FlowKey,
    handle::Handle,
    handover::Handover,
    open_flows::OpenFlows,
    pinning::Pinning,
    reconfigure::{Reconfigured, Setting},
    replay::{Replay, Replayed},
    reports::Reports,
    sampling::Sampling,
    stream::{Acknowledger, FlowSource, Run},
    tunnels::Decapsulation,
};
#[cfg(feature = "__lab")]
pub(crate) use self::{capture::thread::harness::Harness, options::TestHooks};
