//! A record as a log record: the message `LogRecord` of `opentelemetry/proto/logs/v1`.

use std::time::{Duration, SystemTime};

use mermin_core::Flow;

use super::{
    attribute::{nanoseconds, put},
    id,
    span::Identity,
    wire::{begin, field_length, fixed64, message, number, octets},
};

/// Fields of `LogRecord`.
const TIME: u8 = 1;
const SEVERITY: u8 = 2;
const SEVERITY_TEXT: u8 = 3;
const BODY: u8 = 5;
const ATTRIBUTES: u8 = 6;
const TRACE_ID: u8 = 9;
const SPAN_ID: u8 = 10;
const OBSERVED: u8 = 11;
const EVENT: u8 = 12;
/// `SEVERITY_NUMBER_INFO`.
const INFO: u64 = 9;
/// `string_value` of `AnyValue`.
const STRING: u8 = 1;

/// Appends a log record with this field number. Its time is the record's end, its body is the name of the record's
/// span, and it references that span.
pub(super) fn put_log(
    out: &mut Vec<u8>,
    field: u8,
    flow: &Flow,
    seed: u16,
    timeout: Duration,
    now: SystemTime,
) {
    message(out, field, |out| {
        let mut identity = Identity::unknown();
        flow.attributes()
            .community_id_seed(seed)
            .for_each(|(name, value)| {
                identity.see(name, &value);
                put(out, ATTRIBUTES, name, value);
            });
        fixed64(out, TIME, nanoseconds(flow.end));
        fixed64(out, OBSERVED, nanoseconds(now));
        number(out, SEVERITY, INFO);
        octets(out, SEVERITY_TEXT, b"INFO");
        octets(out, EVENT, b"mermin.flow");
        begin(out, BODY, field_length(identity.name_length()));
        begin(out, STRING, identity.name_length());
        identity.put_name(out);
        octets(out, TRACE_ID, &identity.trace(flow, timeout));
        octets(out, SPAN_ID, &id::span(flow.id, flow.sequence));
    });
}
