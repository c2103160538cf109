//! Flows as JSON, one object per line, with the names of [`crate::flow::attributes`].
//!
//! Numbers are JSON numbers, exact up to 2^64-1; times are RFC 3339 in UTC with nine decimals.

mod buffer;
mod escape;
mod line;

use std::io::{self, Write};

pub use self::buffer::JsonBuffer;
use super::{BoxError, FlowSink};
use crate::flow::{Flow, FlowId};

/// Size of a piece of a batch, octets: it stays in a cache until it is written.
const PIECE: usize = 64 << 10;

/// Writes each flow as one line. [`write`](Self::write) writes each line by itself, so give it a buffered
/// writer for many flows. As a sink, it writes pieces of about 64 KiB.
///
/// A writer may fail in the middle of a line, as on a full disk. The next call writes the rest of this line first, and a batch that is exported
/// again goes on where it ended. So each line is whole, and is there once unless flushing fails.
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
    /// Octets of `lines` that are written.
    written: usize,
    /// Present while a batch is written, and after an error.
    unfinished: Option<Unfinished>,
}

/// A batch that is not written as a whole.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    /// Id and sequence number of its first record.
    first: (FlowId, u64),
    /// Records that are written or in the buffer.
    records: usize,
}

impl Unfinished {
    /// Returns true if this is the same batch, perhaps with more records behind it.
    fn is(self, flows: &[Flow]) -> bool {
        let first = flows.first().map(|flow| (flow.id, flow.sequence));
        first == Some(self.first) && self.records <= flows.len()
    }
}

impl<W: Write> JsonLines<W> {
    /// Writes lines into `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            lines: JsonBuffer::default(),
            written: 0,
            unfinished: None,
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
    /// Any error of the writer. Part of the line may be written; the next call writes the rest first.
    pub fn write(&mut self, flow: &Flow) -> io::Result<()> {
        self.write_batch(std::slice::from_ref(flow))
    }

    fn write_batch(&mut self, flows: &[Flow]) -> io::Result<()> {
        let mut records = self.resume(flows)?;
        let Some(first) = flows.first() else {
            return Ok(());
        };
        let first = (first.id, first.sequence);
        while let Some(rest) = flows.get(records..).filter(|rest| !rest.is_empty()) {
            self.lines.clear();
            self.written = 0;
            for flow in rest {
                self.lines.push(flow);
                records += 1;
                if self.lines.as_bytes().len() >= PIECE {
                    break;
                }
            }
            self.unfinished = Some(Unfinished { first, records });
            self.write_up_to(self.lines.as_bytes().len())?;
        }
        self.unfinished = None;
        Ok(())
    }

    /// Writes the rest of a piece that an error has cut, or only of its line if that batch was given up. Returns the number of records of this
    /// batch that are written.
    fn resume(&mut self, flows: &[Flow]) -> io::Result<usize> {
        let Some(unfinished) = self.unfinished else {
            return Ok(0);
        };
        let is_same = unfinished.is(flows);
        let end = if is_same {
            self.lines.as_bytes().len()
        } else {
            end_of_line(self.lines.as_bytes(), self.written)
        };
        self.write_up_to(end)?;
        self.unfinished = None;
        Ok(if is_same { unfinished.records } else { 0 })
    }

    /// Writes the buffer up to this octet, and notes how far it came.
    fn write_up_to(&mut self, end: usize) -> io::Result<()> {
        while let Some(rest) = self.lines.as_bytes().get(self.written..end)
            && !rest.is_empty()
        {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
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

/// Returns the end of the line that has octets on both sides of this place, or else the place.
fn end_of_line(text: &[u8], place: usize) -> usize {
    let (before, behind) = text.split_at_checked(place).unwrap_or((text, &[]));
    if before.last().is_none_or(|last| *last == b'\n') {
        return place;
    }
    let rest = behind.iter().position(|octet| *octet == b'\n');
    place + rest.map_or(behind.len(), |rest| rest + 1)
}

/// Writes a batch in pieces of whole lines, about 64 KiB each, and flushes the writer, on the polling thread. A writer
/// that may block belongs on a thread of its own.
impl<W: Write + Send> FlowSink for JsonLines<W> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        self.write_batch(flows)?;
        Ok(self.out.flush()?)
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.resume(&[])?;
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

    /// Has room for some octets. Then it fails, and has room for all others.
    struct Full {
        room: usize,
        text: Vec<u8>,
    }

    impl Write for Full {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                self.room = usize::MAX;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let fits = octets.len().min(self.room);
            self.room -= fits;
            self.text.extend(&octets[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_whole_and_there_once_after_a_write_that_stopped() {
        let flows = crate::sink::testing::flows(300);
        let expected: Vec<_> = flows.iter().map(written).collect();
        let all = expected.concat();
        let ends = expected.iter().scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        });
        let ends: Vec<_> = ends.collect();
        assert!(ends[199] > 2 * PIECE);
        for room in (0..ends[199])
            .step_by(1997)
            .chain(ends[..9].iter().copied())
        {
            let text = Vec::new();
            let mut lines = JsonLines::new(Full { room, text });
            let export = |lines: &mut JsonLines<_>, flows| {
                futures::executor::block_on(lines.export(flows)).map_err(|error| error.to_string())
            };
            export(&mut lines, &flows[..200]).unwrap_err();
            // Again, with others behind it.
            export(&mut lines, &flows).unwrap();
            assert!(lines.out.text == all.as_bytes(), "{room}");
        }
        // Another batch follows: the first one was given up.
        for room in (1..ends[4]).step_by(97).chain([ends[0]]) {
            let text = Vec::new();
            let mut lines = JsonLines::new(Full { room, text });
            futures::executor::block_on(lines.export(&flows[..5])).unwrap_err();
            let begun = ends.iter().position(|end| room <= *end).unwrap();
            let mut wanted = expected[..=begun].concat();
            if room.is_multiple_of(2) {
                lines.write(&flows[7]).unwrap();
                wanted += &expected[7];
            }
            futures::executor::block_on(lines.close()).unwrap();
            assert_eq!(String::from_utf8(lines.into_inner().text).unwrap(), wanted);
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
