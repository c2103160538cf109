//! Tools for tests of a sink: records of every kind, a source without a kernel, a clock that tests set, and checks of
//! [the contract](super) for any sink.

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
