//! Attributes: `KeyValue` and `AnyValue` of `opentelemetry/proto/common/v1`.

use std::time::{SystemTime, UNIX_EPOCH};

use mermin_core::flow::Value;

use super::wire::{begin, field_length, number, varint_length};

/// Fields of `KeyValue`.
const KEY: u8 = 1;
const VALUE: u8 = 2;
/// Fields of `AnyValue`.
const STRING: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const ARRAY: u8 = 5;
/// Field of `ArrayValue`.
const VALUES: u8 = 1;

/// Returns nanoseconds since 1970; 0 for earlier times.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Appends an attribute of a flow, with this field number.
///
/// OTLP has no type for a number beyond 2^63-1, so it becomes a text of its digits. A time is nanoseconds since 1970.
pub(crate) fn put(out: &mut Vec<u8>, field: u8, name: &str, value: Value<'_>) {
    match value {
        Value::Text(text) => put_text(out, field, name, &text),
        Value::Number(number) => put_number(out, field, name, number),
        Value::Time(time) => put_number(out, field, name, nanoseconds(time)),
        Value::Texts(texts) => {
            let item = |text: &str| field_length(field_length(text.len()));
            put_array(out, field, name, texts.clone().map(item).sum());
            for text in texts {
                begin(out, VALUES, field_length(text.len()));
                string(out, text);
            }
        }
        Value::Numbers(numbers) => {
            let item = |one| field_length(1 + varint_length(one));
            put_array(
                out,
                field,
                name,
                numbers.clone().map(signed).map(item).sum(),
            );
            for one in numbers.map(signed) {
                begin(out, VALUES, 1 + varint_length(one));
                number(out, INT, one);
            }
        }
        // A kind of value that this exporter does not know yet is better shown than omitted.
        other => put_text(out, field, name, &format!("{other:?}")),
    }
}

/// Items of a list have one type, so a number beyond 2^63-1 becomes 2^63-1.
fn signed(number: u64) -> u64 {
    number.min(i64::MAX.cast_unsigned())
}

/// Appends a text attribute.
pub(crate) fn put_text(out: &mut Vec<u8>, field: u8, name: &str, text: &str) {
    head(out, field, name, field_length(text.len()));
    string(out, text);
}

pub(crate) fn put_number(out: &mut Vec<u8>, field: u8, name: &str, value: u64) {
    if i64::try_from(value).is_err() {
        return put_text(out, field, name, &value.to_string());
    }
    head(out, field, name, 1 + varint_length(value));
    number(out, INT, value);
}

pub(crate) fn put_bool(out: &mut Vec<u8>, field: u8, name: &str, value: bool) {
    head(out, field, name, 2);
    number(out, BOOL, value.into());
}

/// Appends a list attribute up to its items, which take this many octets.
fn put_array(out: &mut Vec<u8>, field: u8, name: &str, items: usize) {
    head(out, field, name, field_length(items));
    begin(out, ARRAY, items);
}

/// Appends a text value.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    begin(out, STRING, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends an attribute up to its value, which takes this many octets.
fn head(out: &mut Vec<u8>, field: u8, name: &str, value: usize) {
    let length = field_length(name.len()) + field_length(value);
    out.reserve(length + 8);
    begin(out, field, length);
    begin(out, KEY, name.len());
    out.extend_from_slice(name.as_bytes());
    begin(out, VALUE, value);
}
