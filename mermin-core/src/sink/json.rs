//! Flows as JSON, one object per line, with the names of [`crate::flow::attributes`].
//!
//! Numbers are JSON numbers, exact up to 2^64-1; times are RFC 3339 in UTC with nine decimals.

use std::{
    io::{self, Write},
    time::SystemTime,
};

use super::{BoxError, FlowSink};
use crate::flow::{
    Flow, Value,
    attributes::render,
    time::{Rfc3339, nine_decimals},
};

/// Octets of a line without tunnel; grows when one is longer.
const USUAL_LINE: usize = 2_048;

/// Writes each flow as one line. Every line is one `write_all`, so give it a buffered writer where many flows come at
/// once.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    line: Vec<u8>,
    community_id_seed: u16,
}

impl<W: Write> JsonLines<W> {
    /// Lines into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            line: Vec::with_capacity(USUAL_LINE),
            community_id_seed: 0,
        }
    }

    /// Seed of `flow.community_id`, 0 unless set.
    #[must_use]
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Writes one flow.
    ///
    /// # Errors
    /// Whatever the writer says; part of the line may have been written.
    pub fn write(&mut self, flow: &Flow) -> io::Result<()> {
        self.line.clear();
        line(&mut self.line, flow, self.community_id_seed);
        self.out.write_all(&self.line)
    }

    /// Flushes the writer.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The writer; lines written are with it already.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A batch is one `write_all`, and then the writer is flushed, on the thread that polls: a writer that may take long belongs
/// into a thread.
impl<W: Write + Send> FlowSink for JsonLines<W> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.line.clear();
        for flow in flows {
            line(&mut self.line, flow, self.community_id_seed);
        }
        self.out.write_all(&self.line)?;
        Ok(self.out.flush()?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(self.out.flush()?)
    }
}

/// Writes one flow as one line; for more than a few, [`JsonLines`] keeps its buffer.
///
/// # Errors
/// Whatever the writer says.
pub fn write_json(flow: &Flow, out: &mut impl Write) -> io::Result<()> {
    JsonLines::new(out).write(flow)
}

/// Adds a record and a line feed.
pub(super) fn line(lines: &mut Vec<u8>, flow: &Flow, community_id_seed: u16) {
    object(lines, flow, community_id_seed);
    lines.push(b'\n');
}

fn object(line: &mut Vec<u8>, flow: &Flow, community_id_seed: u16) {
    line.reserve(USUAL_LINE);
    // The first name has no comma before it.
    let mut before: &[u8] = b"{\"";
    flow.attributes()
        .community_id_seed(community_id_seed)
        .for_each(|(name, value)| {
            line.extend_from_slice(before);
            before = b",\"";
            // A name of the vocabulary has letters, dots and underscores only.
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b"\":");
            put(line, value);
        });
    line.push(b'}');
}

fn put(line: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Text(text) => string(line, &text),
        Value::Number(number) => decimal(line, number),
        Value::Time(time) => moment(line, time),
        Value::Texts(texts) => list(line, texts, string),
        Value::Numbers(numbers) => {
            list(line, numbers, decimal);
        }
    }
}

fn decimal(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(render::decimal(number, &mut [0; render::DIGITS]));
}

fn moment(line: &mut Vec<u8>, time: SystemTime) {
    line.push(b'"');
    match nine_decimals(time) {
        Some(text) => line.extend_from_slice(&text),
        None => line.extend_from_slice(Rfc3339 { time, decimals: 9 }.to_string().as_bytes()),
    }
    line.push(b'"');
}

fn list<T>(line: &mut Vec<u8>, items: impl IntoIterator<Item = T>, put: impl Fn(&mut Vec<u8>, T)) {
    line.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            line.push(b',');
        }
        put(line, item);
    }
    line.push(b']');
}

/// Quotes and escapes as RFC 8259 section 7 asks. Text that needs no escape is copied in one piece: octet by octet a line
/// took 4.5 us instead of 1.9.
fn string(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = first_to_escape(rest) {
        line.extend_from_slice(&rest[..at]);
        escape(line, rest[at]);
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
    line.push(b'"');
}

/// Where the first octet is that needs an escape. Eight at a time are told to need none by arithmetic on one word.
fn first_to_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // The high bit of each octet that is zero, and of some behind one that is.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, _) = text.as_chunks::<8>();
    let plain = words
        .iter()
        .take_while(|word| {
            let word = u64::from_le_bytes(**word);
            let below_space = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            below_space | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) == 0
        })
        .count();
    let needs_escape = |octet: &u8| matches!(octet, 0..0x20 | b'"' | b'\\');
    let from = 8 * plain;
    text[from..]
        .iter()
        .position(needs_escape)
        .map(|at| from + at)
}

fn escape(line: &mut Vec<u8>, octet: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match octet {
        b'"' | b'\\' => line.extend([b'\\', octet]),
        b'\n' => line.extend(b"\\n"),
        b'\t' => line.extend(b"\\t"),
        b'\r' => line.extend(b"\\r"),
        _ => {
            line.extend(b"\\u00");
            line.extend([octet >> 4, octet & 15].map(|digit| HEX[usize::from(digit)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;
    use crate::flow::{
        Interface,
        attributes::{ALL, Kind},
        example::{everything, plain},
    };

    fn written(flow: &Flow) -> String {
        let mut out = Vec::new();
        write_json(flow, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn parsed(flow: &Flow) -> Json {
        serde_json::from_str(&written(flow)).unwrap()
    }

    #[test]
    fn every_name_holds_its_kind() {
        let flow = parsed(&everything());
        let object = flow.as_object().unwrap();
        assert_eq!(object.len(), ALL.len());
        for attribute in ALL {
            let value = &object[attribute.name];
            let fits = match attribute.kind {
                Kind::Text | Kind::Time => value.is_string(),
                Kind::Number => value.is_u64(),
                Kind::Texts => value.as_array().unwrap().iter().all(Json::is_string),
                Kind::Numbers => value.as_array().unwrap().iter().all(Json::is_u64),
            };
            assert!(fits, "{}: {value}", attribute.name);
        }
    }

    #[test]
    fn every_row_says_what_the_record_holds() {
        let flow = parsed(&everything());
        let expected: Json =
            serde_json::from_str(include_str!("../../tests/data/flow.json")).unwrap();
        assert_eq!(flow, expected);
    }

    #[test]
    fn a_seed_changes_the_community_id_alone() {
        let mut lines = JsonLines::new(Vec::new()).community_id_seed(9);
        lines.write(&plain()).unwrap();
        lines.write(&plain()).unwrap();
        lines.flush().unwrap();
        let text = String::from_utf8(lines.into_inner()).unwrap();
        assert_eq!(text.lines().count(), 2);
        let seeded: Json = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let mut unseeded = parsed(&plain());
        assert_ne!(unseeded, seeded);
        unseeded["flow.community_id"] = plain().community_id(9).into();
        assert_eq!(unseeded, seeded);
    }

    #[test]
    fn a_batch_is_a_line_for_each_record() {
        let mut lines = JsonLines::new(Vec::new());
        let flows = crate::sink::testing::flows(50);
        futures::executor::block_on(lines.export(&flows)).unwrap();
        let text = String::from_utf8(lines.into_inner()).unwrap();
        let expected: String = flows.iter().map(written).collect();
        assert_eq!(text, expected);
        for line in text.lines() {
            assert!(serde_json::from_str::<Json>(line).unwrap().is_object());
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in any::<String>(), control in "[\\x00-\\x20\"\\\\\u{7f}-\u{a0}]*") {
            for name in [name, control] {
                let mut flow = plain();
                flow.interface = Interface::new(1, name.as_str());
                let text = written(&flow);
                prop_assert_eq!(text.matches('\n').count(), 1);
                prop_assert_eq!(&parsed(&flow)["network.interface.name"], &Json::from(name));
            }
        }

        #[test]
        fn the_first_octet_to_escape_is_found(text in "[ !\"#\\\\a\u{7f}\u{80}\u{e000}\x00-\x21]{0,40}") {
            let needs_escape = |octet: &u8| matches!(octet, 0..0x20 | b'"' | b'\\');
            let expected = text.as_bytes().iter().position(needs_escape);
            prop_assert_eq!(first_to_escape(text.as_bytes()), expected);
        }

        #[test]
        fn any_number_comes_back(number: u64) {
            let mut flow = plain();
            flow.forward.octets.total = number;
            prop_assert_eq!(parsed(&flow)["flow.bytes.total"].as_u64(), Some(number));
        }
    }
}
