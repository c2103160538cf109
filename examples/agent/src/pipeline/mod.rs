//! Carries records to receivers that may change while flows are captured.
//!
//! Each receiver has a task of its own, so one that is slow holds up no other until its buffer is full. [`FanOut`] is the sink
//! of the source: it names Kubernetes objects once for all, and gives each batch to every receiver. [`Exchange`] gives it other
//! receivers.

mod exchange;
mod fan_out;
mod member;
mod names;
mod rest;
mod retired;
mod start;
mod stdout;

pub use self::{
    exchange::{Change, Decoration, Exchange},
    fan_out::FanOut,
    start::{Prepared, prepare},
};
pub(crate) use self::{
    names::{Names, Purpose},
    start::take_callbacks,
};
