//! A record as a span: the message `Span` of `opentelemetry/proto/trace/v1`.

use std::time::Duration;

use mermin_core::{
    Flow,
    flow::{Direction, Value},
};

use super::{
    attribute::{nanoseconds, put},
    id,
    wire::{begin, fixed64, message, number, octets},
};

/// Fields of `Span`.
const TRACE_ID: u8 = 1;
const SPAN_ID: u8 = 2;
const NAME: u8 = 5;
const KIND: u8 = 6;
const START: u8 = 7;
const END: u8 = 8;
const ATTRIBUTES: u8 = 9;

/// Parts of a record's name and trace id, collected from its attributes.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    community_id: [u8; Self::COMMUNITY_ID],
    network: &'static str,
    transport: [u8; Self::TRANSPORT],
    transport_length: usize,
}

impl Identity {
    /// Octets of a Community ID: `1:` and 20 octets in base64.
    const COMMUNITY_ID: usize = 30;
    /// Octets of the longest protocol keyword, with room to spare.
    const TRANSPORT: usize = 24;
    const PREFIX: &'static [u8] = b"flow_";

    pub(super) const fn unknown() -> Self {
        Self {
            community_id: [0; Self::COMMUNITY_ID],
            network: "",
            transport: [0; Self::TRANSPORT],
            transport_length: 0,
        }
    }

    /// Stores the attribute, if it is one of these parts.
    pub(super) fn see(&mut self, name: &str, value: &Value<'_>) {
        let Value::Text(text) = value else { return };
        match name {
            "flow.community_id" => {
                if let Ok(octets) = text.as_bytes().try_into() {
                    self.community_id = octets;
                }
            }
            "network.type" => self.network = if *text == *"ipv6" { "ipv6" } else { "ipv4" },
            "network.transport" => {
                let length = text.len().min(Self::TRANSPORT);
                let (place, octets) = (
                    self.transport.get_mut(..length),
                    text.as_bytes().get(..length),
                );
                if let (Some(place), Some(octets)) = (place, octets) {
                    place.copy_from_slice(octets);
                    self.transport_length = length;
                }
            }
            _ => {}
        }
    }

    fn transport(&self) -> &[u8] {
        self.transport
            .get(..self.transport_length)
            .unwrap_or_default()
    }

    /// Returns the octets of a name such as `flow_ipv4_tcp`.
    pub(super) fn name_length(&self) -> usize {
        Self::PREFIX.len() + self.network.len() + 1 + self.transport_length
    }

    pub(super) fn put_name(&self, out: &mut Vec<u8>) {
        for part in [
            Self::PREFIX,
            self.network.as_bytes(),
            b"_",
            self.transport(),
        ] {
            out.extend_from_slice(part);
        }
    }

    pub(super) fn trace(&self, flow: &Flow, timeout: Duration) -> [u8; 16] {
        id::trace(&self.community_id, nanoseconds(flow.start), timeout)
    }
}

/// Returns `SpanKind`: client, server, or unknown source.
const fn kind(direction: Direction) -> u64 {
    const INTERNAL: u64 = 1;
    const SERVER: u64 = 2;
    const CLIENT: u64 = 3;
    match direction {
        Direction::Forward => CLIENT,
        Direction::Reverse => SERVER,
        Direction::Unknown => INTERNAL,
    }
}

/// Appends a span with this field number. It has the times of the flow, so they are no attributes.
pub(super) fn put_span(out: &mut Vec<u8>, field: u8, flow: &Flow, seed: u16, timeout: Duration) {
    message(out, field, |out| {
        let mut identity = Identity::unknown();
        flow.attributes()
            .community_id_seed(seed)
            .for_each(|(name, value)| {
                if matches!(value, Value::Time(_)) && matches!(name, "flow.start" | "flow.end") {
                    return;
                }
                identity.see(name, &value);
                put(out, ATTRIBUTES, name, value);
            });
        octets(out, TRACE_ID, &identity.trace(flow, timeout));
        octets(out, SPAN_ID, &id::span(flow.id, flow.sequence));
        begin(out, NAME, identity.name_length());
        identity.put_name(out);
        number(out, KIND, kind(flow.direction));
        fixed64(out, START, nanoseconds(flow.start));
        fixed64(out, END, nanoseconds(flow.end));
    });
}
