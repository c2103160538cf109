//! The client protocol of NATS (docs.nats.io, "Client Protocol"), as much as an exporter needs, without input or output.

mod answer;
mod message;
mod parse;

pub(crate) use self::{
    answer::{Answer, Verdict},
    message::{Frame, message_id, put_connect, put_publish, put_request, put_subscription},
    parse::{Op, parse},
};
