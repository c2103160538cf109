//! The public face: a builder, a stream of flows, a handle to its statistics.

mod builder;
mod capture;
mod control;
mod handle;
#[cfg(feature = "pcap")]
mod offline;
mod options;
pub(crate) mod pinning;
mod queue;
mod reconfigure;
mod stream;
mod tunnels;

#[cfg(feature = "test-util")]
pub use self::capture::rig::{Phases, Reading};
#[cfg(all(feature = "pcap", feature = "test-util"))]
pub(crate) use self::offline::Hand;
#[cfg(all(feature = "pcap", feature = "test-util"))]
pub use self::offline::{Captured, Whole, each_captured, read_whole};
pub use self::{
    builder::FlowSourceBuilder,
    handle::Handle,
    pinning::Pinning,
    reconfigure::{Reconfigured, Setting},
    stream::FlowSource,
    tunnels::Tunnels,
};
#[cfg(feature = "test-util")]
pub(crate) use self::{capture::rig::Rig, options::Workings};
