//! The part of NATS' client protocol (docs.nats.io, "Client Protocol") that an exporter needs, without I/O.

mod answer;
mod message;
mod parse;

pub(crate) use self::{
    answer::{Answer, Verdict},
    message::{Frame, message_id, put_connect, put_publish, put_request, put_subscription},
    parse::{Op, parse},
};
