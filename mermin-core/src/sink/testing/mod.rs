//! Tools for tests of a sink: records of every kind, a clock that tests set, and checks of [the contract](super) for any
//! sink. [`FlowSource::replay`](crate::FlowSource::replay) makes a source without a kernel, and needs no feature.

mod check;
mod details;
mod flows;
mod timer;

pub use self::{
    check::{Receiver, Violation, check},
    details::detailed_flows,
    flows::flows,
    timer::ManualTimer,
};
