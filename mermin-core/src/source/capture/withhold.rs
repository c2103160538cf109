//! Which flows are wanted: decided once for each, when it is first looked at, and remembered beside its slot.
//!
//! The kernel counts into a flow that is not wanted as into any other. What differs is that its records are not given: their
//! packets go to the reason `filtered` of the hook they crossed.

use std::sync::{Arc, atomic::Ordering};

use mermin_bpf::abi::{
    ledger::{Direction, Uncounted},
    slot::{DIRECTIONS, state},
};

use super::open::Capture;
use crate::{
    bpf::ledger::Sum,
    error::Error,
    filter::{Filter, Standing},
    table::{
        entry::Entry,
        observation::Observation,
        record::{facts, untold},
    },
};

impl Capture {
    /// What was decided of the flow in a slot, or is now.
    pub(super) fn standing(&mut self, slot: u32, flow: &Observation) -> Standing {
        let known = self.standings[slot as usize];
        if known != Standing::UNDECIDED || self.filters.want_all() {
            return known;
        }
        let name = self.name(flow);
        let decided = self.filters.decide(&facts(flow, &name));
        self.standings[slot as usize] = decided;
        decided
    }

    /// Whether the flow in a slot will have no record: its end needs no room in the queue.
    pub(super) fn is_unwanted(&mut self, slot: u32) -> bool {
        let known = self.standings[slot as usize];
        if known != Standing::UNDECIDED || self.filters.want_all() {
            return known == Standing::UNWANTED;
        }
        let flow = self.shared.slab.observe(slot, &self.ticks);
        self.standing(slot, &flow) == Standing::UNWANTED
    }

    /// The name that a flow's interface has.
    pub(super) fn name(&self, flow: &Observation) -> Arc<str> {
        match self.names.get(&flow.tail().ifindex) {
            Some(name) => Arc::clone(name),
            None => Arc::from(""),
        }
    }

    /// Moves what a record would have told to the ledger; `then` is what is told of the flow afterwards, without which it has
    /// ended.
    pub(super) fn withhold(&mut self, slot: u32, flow: &Observation, then: Option<&Entry>) {
        let sums = self.filtered(slot, flow);
        let ledger = &self.shared.ledger;
        match &mut self.kept {
            Some(kept) => kept.withhold(slot, then.zip(Some(flow.last_seen())), sums, ledger),
            None => sums.iter().for_each(|sum| ledger.set_filtered(sum)),
        }
        // Whoever reads that it was withheld finds its packets in the ledger.
        self.shared.counts.withheld.fetch_add(1, Ordering::Release);
    }

    /// What is under the reason `filtered` once a record of the flow is.
    fn filtered(&self, slot: u32, flow: &Observation) -> [Sum; DIRECTIONS] {
        let told = &self.entries[slot as usize].told;
        let mut moved = [Uncounted::default(); DIRECTIONS];
        for (side, told) in flow.sides.iter().zip(told) {
            // A direction that has packets has had a sample.
            let hook = side.hook.unwrap_or(Direction::Ingress);
            let untold = untold(side, told, flow.link_length);
            let moved = &mut moved[hook as usize];
            moved.packets = moved.packets.wrapping_add(untold.packets);
            moved.octets = moved.octets.wrapping_add(untold.octets);
        }
        let index = flow.tail().ifindex;
        [Direction::Ingress, Direction::Egress].map(|hook| {
            let ledger = &self.shared.ledger;
            ledger.filtered_with(index, hook, moved[hook as usize])
        })
    }

    /// The flow in a slot is no more.
    pub(super) fn forget_standing(&mut self, slot: u32) {
        let standing = &mut self.standings[slot as usize];
        // Without a filter none was written, and reading takes no memory.
        if *standing != Standing::UNDECIDED {
            self.filters.ended(*standing);
            *standing = Standing::UNDECIDED;
        }
    }

    /// Filters flows that begin from now on by another filter.
    ///
    /// # Errors
    /// As [`Filters::replace`](crate::filter::Filters::replace).
    pub(super) fn refilter(&mut self, filter: Filter) -> Result<(), Error> {
        for slot in 0..self.shared.slab.touched() {
            if self.standings[slot as usize] == Standing::UNDECIDED
                && self.shared.slab.state(slot) != state::FREE
            {
                self.standings[slot as usize] = if self.filters.want_all() {
                    Standing::WANTED
                } else {
                    let flow = self.shared.slab.observe(slot, &self.ticks);
                    self.standing(slot, &flow)
                };
            }
        }
        self.filters.replace(filter)
    }
}
