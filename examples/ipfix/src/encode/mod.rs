//! Encodes flows as messages, without a socket; time is a parameter.

mod element;
mod encoder;
mod fact;
mod layout;
mod message;
mod names;
mod options;
mod shape;

pub(crate) use self::message::{HEADER, VERSION};
pub use self::{encoder::Encoder, message::Messages};
