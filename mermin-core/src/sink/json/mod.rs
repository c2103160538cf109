//! Flows as JSON, one object per line, with the names of [`crate::flow::attributes`].
//!
//! Numbers are JSON numbers, exact up to 2^64-1; times are RFC 3339 in UTC with nine decimals.

mod buffer;
mod escape;
mod line;

use std::io::{self, Write};

pub use self::buffer::JsonBuffer;
use super::{BoxError, FlowSink};
use crate::flow::Flow;

/// Size of a piece of a batch, octets: it stays in a cache until it is written.
const PIECE: usize = 64 << 10;

/// Writes each flow as one line. [`write`](Self::write) calls `write_all` once for each line, so give it a buffered
/// writer for many flows. As a sink, it writes pieces of about 64 KiB.
///
/// ```
/// use mermin_core::sink::JsonLines;
///
/// # use std::time::SystemTime;
/// # use mermin_core::flow::{Endpoint, Flow, FlowId, Interface, Protocol};
/// # let (client, server) = (Endpoint::new([192, 0, 2, 1], 50_000), Endpoint::new([198, 51, 100, 7], 443));
/// # let flow = Flow::new(FlowId::from_u128(7), Protocol::TCP, client, server, Interface::new(2, "eth0"), SystemTime::UNIX_EPOCH);
/// let mut lines = JsonLines::new(Vec::new());
/// lines.write(&flow)?;
/// let text = String::from_utf8(lines.into_inner())?;
/// assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
/// assert!(text.contains(r#""destination.port":443"#), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    lines: JsonBuffer,
}

impl<W: Write> JsonLines<W> {
    /// Writes lines into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            lines: JsonBuffer::default(),
        }
    }

    /// Seed of `flow.community_id`, 0 unless set.
    #[must_use]
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.lines = self.lines.community_id_seed(seed);
        self
    }

    /// Writes one flow.
    ///
    /// # Errors
    /// Any error of the writer. Part of the line may be written.
    pub fn write(&mut self, flow: &Flow) -> io::Result<()> {
        self.lines.clear();
        self.lines.push(flow);
        self.out.write_all(self.lines.as_bytes())
    }

    /// Flushes the writer.
    ///
    /// # Errors
    /// Any error of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Returns the writer, which has all lines that were written.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// Writes a batch in pieces of whole lines, about 64 KiB each, and flushes the writer, on the polling thread. A writer
/// that may block belongs on a thread of its own.
impl<W: Write + Send> FlowSink for JsonLines<W> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.lines.clear();
        for flow in flows {
            self.lines.push(flow);
            if self.lines.as_bytes().len() >= PIECE {
                self.out.write_all(self.lines.as_bytes())?;
                self.lines.clear();
            }
        }
        self.out.write_all(self.lines.as_bytes())?;
        Ok(self.out.flush()?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(self.out.flush()?)
    }
}

/// Writes one flow as one line. For more than a few flows use [`JsonLines`], which keeps its buffer.
///
/// # Errors
/// Any error of the writer.
pub fn write_json(flow: &Flow, out: &mut impl Write) -> io::Result<()> {
    JsonLines::new(out).write(flow)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;
    use crate::flow::{
        AddedAttribute, Interface,
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
    fn attribute_rows_agree_with_the_record() {
        let flow = parsed(&everything());
        let expected: Json =
            serde_json::from_str(include_str!("../../../tests/data/flow.json")).unwrap();
        assert_eq!(flow, expected);
    }

    #[test]
    fn seed_changes_the_community_id_alone() {
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
    fn batch_is_one_line_per_record() {
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
        fn any_name_round_trips(name in any::<String>(), control in "[\\x00-\\x20\"\\\\\u{7f}-\u{a0}]*") {
            for name in [name, control] {
                let mut flow = plain();
                flow.interface = Interface::new(1, name.as_str());
                let text = written(&flow);
                prop_assert_eq!(text.matches('\n').count(), 1);
                prop_assert_eq!(&parsed(&flow)["network.interface.name"], &Json::from(name));
            }
        }

        #[test]
        fn any_added_attribute_round_trips(name in "[^a-z].*", text in any::<String>(), number: u64) {
            let mut flow = plain();
            let added = [
                AddedAttribute::new(name.as_str(), text.as_str()),
                AddedAttribute::new(format!("{name}.number"), number),
                AddedAttribute::new(format!("{name}.list"), Arc::<[Arc<str>]>::from([Arc::from(text.as_str())])),
            ];
            flow.added_attributes = [added.into()].into();
            let object = parsed(&flow);
            prop_assert_eq!(&object[&name], &Json::from(text.as_str()));
            prop_assert_eq!(&object[format!("{name}.number")], &Json::from(number));
            prop_assert_eq!(&object[format!("{name}.list")], &Json::from(vec![text]));
            prop_assert_eq!(object.as_object().unwrap().len(), plain().attributes().count() + 3);
        }

        #[test]
        fn any_number_round_trips(number: u64) {
            let mut flow = plain();
            flow.forward.octets.total = number;
            prop_assert_eq!(parsed(&flow)["flow.bytes.total"].as_u64(), Some(number));
        }
    }
}
