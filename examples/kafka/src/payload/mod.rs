//! Values of messages.

#[cfg(test)]
mod definition;
mod fields;
mod protobuf;

use mermin_core::{Flow, sink::JsonBuffer};

use self::protobuf::Protobuf;
use crate::settings::{Format, Settings};

/// Writes records as values of messages, into memory that it keeps.
pub(crate) enum Payload {
    Json(JsonBuffer),
    Protobuf(Protobuf),
}

impl Payload {
    pub(crate) fn new(settings: &Settings) -> Self {
        let seed = settings.community_id_seed;
        match settings.format {
            Format::Json => Self::Json(JsonBuffer::default().community_id_seed(seed)),
            Format::Protobuf => Self::Protobuf(Protobuf::new(seed)),
        }
    }

    /// The value of one record.
    pub(crate) fn of(&mut self, flow: &Flow) -> &[u8] {
        match self {
            Self::Json(buffer) => {
                buffer.clear();
                buffer.push(flow);
                buffer.as_bytes().trim_ascii_end()
            }
            Self::Protobuf(encoder) => encoder.encode(flow),
        }
    }
}
