//! Tools for tests of a sink: records of every kind, a source without a kernel, a clock that is set by hand, and a check
//! that runs any sink through [the contract](super).

mod check;
mod flows;
mod timer;

pub use self::{
    check::{Receiver, Violation, check},
    flows::flows,
    timer::ManualTimer,
};
