//! The public face: a builder, a stream of flows, a handle to its statistics.

mod builder;
mod capture;
mod control;
mod handle;
mod options;
mod queue;
mod stream;

pub use self::{builder::FlowSourceBuilder, handle::Handle, stream::FlowSource};
