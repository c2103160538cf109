//! Names in the first payloads of flows: TLS, DNS, HTTP and QUIC.
//!
//! A source passes sections: at most 256 octets of a payload, those of the first few packets that begin a message with names
//! ([`mermin_bpf::track::section`]). [`Conversation`] puts the sections of one flow together and keeps what they name. The parsers are
//! pure: octets in, names out. A message may be cut anywhere, so each parser says what it found before the end, which is why none of
//! them is a parser of whole messages from elsewhere.

mod conversation;
mod cursor;
mod dns;
mod end;
mod http;
mod quic;
mod stream;
mod text;
mod tls;

pub(crate) use self::{
    conversation::{Conversation, Section},
    end::End,
};
