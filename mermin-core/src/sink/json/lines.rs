//! Lines one behind the other in memory.

use super::line::Line;
use crate::flow::{Flow, attributes::visit::visit_all, time::NineDecimals};

/// Room for a line without lists; more is made when one is longer.
const USUAL_LINE: usize = 4_096;

/// Lines that wait for a writer.
#[derive(Debug, Default)]
pub(in crate::sink) struct Lines {
    /// Memory, of which the lines take the beginning: it is not cleared in between, because lines overwrite it.
    octets: Vec<u8>,
    length: usize,
    times: NineDecimals,
}

impl Lines {
    /// With room for so many octets, and for one line more.
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
                // Before the first name there is a comma as well.
                self.octets[self.length] = b'{';
                self.length += of_place - left;
                return;
            }
            room = 2 * of_place;
        }
    }
}
