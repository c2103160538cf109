//! Encodes flows as requests, without a socket; time is a parameter.

pub(crate) mod attribute;
mod encoder;
mod envelope;
mod id;
mod log;
mod span;
pub(crate) mod wire;

pub use self::encoder::Encoder;
pub(crate) use self::encoder::Item;
pub(crate) use self::envelope::{Envelope, PREFIX, Request};
