//! Encodes flows as the octets of a file.

mod codec;
mod encoder;
mod pages;

pub use self::encoder::{EncodeError, Encoded, Encoder};
