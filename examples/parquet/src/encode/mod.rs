//! From flows to the octets of a file.

mod attribute;
mod encoder;
mod write;

pub use self::encoder::{EncodeError, Encoded, Encoder};
