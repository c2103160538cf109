//! JSON lines in memory, one after the other.

use super::line::Line;
use crate::flow::{Flow, attributes::visit::visit_all, time::NineDecimals};

/// Capacity for a line without lists. It grows for a longer line.
const USUAL_LINE: usize = 4_096;

/// Lines that are not written yet.
#[derive(Debug, Default)]
pub(in crate::sink) struct Lines {
    /// The lines are at the beginning of this memory. It is not cleared, because new lines overwrite it.
    octets: Vec<u8>,
    length: usize,
    times: NineDecimals,
}

impl Lines {
    /// Allocates this many octets, and one more line.
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

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    pub(in crate::sink) fn push(&mut self, flow: &Flow, community_id_seed: u16) {
        let mut room = USUAL_LINE;
        loop {
            if self.octets.len() - self.length < room {
                let more = (self.length + room).max(2 * self.octets.len());
                self.octets.resize(more, 0);
            }
            let place = &mut self.octets[self.length..];
            let of_place = place.len();
            let mut line = Line::new(place, &mut self.times);
            visit_all(flow, community_id_seed, &mut line);
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
