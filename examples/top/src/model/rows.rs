//! The flows of the list, and the place of each.

use std::collections::HashMap;

use mermin_core::{Flow, flow::FlowId};

use super::{groups::Joined, tally::Tally};

/// A flow in the list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: FlowId,
    /// Its latest state. It is apart from the sums, because each frame reads the sums of all flows.
    pub(crate) flow: Box<Flow>,
    /// Sums of both directions.
    pub(crate) tally: Tally,
    pub(crate) has_ended: bool,
    pub(super) joined: Joined,
    /// The latest frame with this flow.
    pub(super) seen: u64,
    /// Place of the flow behind this one in the latest snapshot that had both.
    next: usize,
}

impl Row {
    fn new(flow: &Flow) -> Self {
        Self {
            id: flow.id,
            flow: Box::new(flow.clone()),
            tally: Tally::default(),
            has_ended: false,
            joined: Joined::default(),
            seen: 0,
            next: 0,
        }
    }
}

/// Rows, in no order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    list: Vec<Row>,
    places: HashMap<FlowId, usize>,
    /// Place of the flow that the snapshot had last.
    last: usize,
}

impl Rows {
    fn place_of(&mut self, flow: &Flow) -> usize {
        let place = *self.places.entry(flow.id).or_insert(self.list.len());
        if place == self.list.len() {
            self.list.push(Row::new(flow));
        }
        place
    }

    /// Returns the row of a flow. A new flow gets one.
    pub(super) fn row_of(&mut self, flow: &Flow) -> &mut Row {
        let place = self.place_of(flow);
        &mut self.list[place]
    }

    /// Returns the row of the next flow of a snapshot, as [`row_of`](Self::row_of) does.
    pub(super) fn row_of_next(&mut self, flow: &Flow) -> &mut Row {
        // A snapshot has its flows nearly in the order of the one before, and a look at the row that was next then takes
        // a fraction of a search.
        let guess = self.list.get(self.last).map_or(0, |row| row.next);
        let place = if self.list.get(guess).is_some_and(|row| row.id == flow.id) {
            guess
        } else {
            let place = self.place_of(flow);
            if let Some(last) = self.list.get_mut(self.last) {
                last.next = place;
            }
            place
        };
        self.last = place;
        &mut self.list[place]
    }

    /// Calls `stays` with each row, and removes those for which it returns false.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&mut Row) -> bool) {
        let mut place = 0;
        while let Some(row) = self.list.get_mut(place) {
            if stays(row) {
                place += 1;
                continue;
            }
            let gone = self.list.swap_remove(place);
            self.places.remove(&gone.id);
            if let Some(moved) = self.list.get(place) {
                self.places.insert(moved.id, place);
            }
        }
    }

    pub(crate) fn as_slice(&self) -> &[Row] {
        &self.list
    }

    /// Returns the row of a flow, if it has one.
    pub(crate) fn get(&self, id: FlowId) -> Option<&Row> {
        self.places.get(&id).map(|&place| &self.list[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::flow;

    #[test]
    fn flows_of_a_snapshot_have_their_rows_in_any_order() {
        let mut rows = Rows::default();
        let mut random = 1_u64;
        for frame in 0..200 {
            let mut numbers: Vec<u16> = (0..50).collect();
            for place in 0..50 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                // Most frames change little.
                if random >> 61 == 0 || frame % 20 == 0 {
                    numbers.swap(place, usize::try_from(random >> 33).unwrap() % 50);
                }
            }
            numbers.truncate(40 + usize::try_from(frame).unwrap() % 10);
            for &number in &numbers {
                let flow = flow(number, 1);
                let row = rows.row_of_next(&flow);
                assert_eq!((row.id, row.flow.id), (flow.id, flow.id));
                row.seen = frame;
            }
            rows.retain(|row| row.seen == frame);
            assert_eq!(rows.as_slice().len(), numbers.len());
            for &number in &numbers {
                let id = flow(number, 1).id;
                assert_eq!(rows.get(id).unwrap().id, id);
            }
        }
    }
}
