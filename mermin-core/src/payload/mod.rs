//! Names in the first payloads of flows: TLS, DNS, HTTP and QUIC.
//!
//! A source passes sections: the first octets of a payload, at most 256, of the few packets that begin a message with names or
//! continue it ([`mermin_bpf::track::section`]). [`FlowPayloads`] joins the sections of one flow and keeps the names in them. The parsers are pure:
//! octets in, names out. A message may be cut anywhere, so each parser returns the names before the cut. Libraries that parse only whole
//! messages cannot do that.

mod cursor;
mod dns;
mod end;
mod flow_payloads;
mod http;
mod quic;
mod stream;
mod text;
mod tls;

pub(crate) use self::{
    end::End,
    flow_payloads::{FlowPayloads, Section},
};
