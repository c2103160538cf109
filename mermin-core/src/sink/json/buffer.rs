//! JSON lines in memory, one after the other.

use super::line::Line;
use crate::flow::{Flow, attributes::visit::visit_all, time::NineDecimals};

/// Capacity for a line without lists. It grows for a longer line.
const USUAL_LINE: usize = 4_096;

/// Records as JSON in memory, one line each, with the names of [`crate::flow::attributes`]. A sink that sends octets fills
/// it, sends the lines, and clears it for the next batch.
///
/// ```
/// use mermin_core::sink::{JsonBuffer, testing::flows};
///
/// let mut buffer = JsonBuffer::default();
/// for flow in flows(3) {
///     buffer.push(&flow);
/// }
/// assert!(buffer.as_bytes().starts_with(b"{\"flow.id\":") && buffer.as_bytes().ends_with(b"}\n"));
/// assert_eq!(buffer.lines().count(), 3);
/// buffer.clear();
/// assert!(buffer.as_bytes().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct JsonBuffer {
    /// The lines are at the beginning of this memory. It is not cleared, because new lines overwrite it.
    octets: Vec<u8>,
    length: usize,
    times: NineDecimals,
    community_id_seed: u16,
}

impl JsonBuffer {
    /// Sets the seed of `flow.community_id`. Default: 0.
    #[must_use]
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Creates a buffer with memory for this many octets and one more line.
    #[cfg(feature = "bytes")]
    pub(in crate::sink) fn with_room(octets: usize) -> Self {
        Self {
            octets: vec![0; octets + USUAL_LINE],
            ..Self::default()
        }
    }

    #[cfg(feature = "bytes")]
    pub(in crate::sink) fn into_vec(mut self) -> Vec<u8> {
        self.octets.truncate(self.length);
        self.octets
    }

    /// Removes all lines.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// All lines, each with its line feed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// Each line without its line feed, in the order of [`push`](Self::push).
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        // JSON has no line feed inside: one in a text is escaped.
        let lines = self.as_bytes().split_inclusive(|octet| *octet == b'\n');
        lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }

    /// Adds a record.
    pub fn push(&mut self, flow: &Flow) {
        let mut room = USUAL_LINE;
        loop {
            if self.octets.len() - self.length < room {
                let more = (self.length + room).max(2 * self.octets.len());
                self.octets.resize(more, 0);
            }
            let place = &mut self.octets[self.length..];
            let of_place = place.len();
            let mut line = Line::new(place, &mut self.times);
            visit_all(flow, self.community_id_seed, &mut line);
            line.put(b"}\n");
            if let Some(left) = line.left() {
                // The first name has a comma before it as well.
                self.octets[self.length] = b'{';
                self.length += of_place - left;
                return;
            }
            room = 2 * of_place;
        }
    }
}
