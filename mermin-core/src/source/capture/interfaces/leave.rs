//! Taking leave of an interface: its programs go, then its flows are closed, then its ledger is.
//!
//! Nothing is attached under its index before all that is done: a flow's key holds the index, and a packet of a later
//! interface would be counted in a flow of this one.

use std::collections::BTreeSet;

use mermin_bpf::abi::{ledger::Direction, slot::state};

use super::{State, said};
use crate::{
    flow::EndReason,
    source::capture::{closing::Batch, open::Capture},
    table::moment::Moment,
};

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The programs are gone; a run of theirs may still count until the grace period is over.
    Detached,
    /// No program counts for it any more, and its flows stand still in the table.
    Quiet,
    /// All its flows are on their way out.
    Emptied,
}

impl Capture {
    /// Detaches from an interface, and has its flows closed. One that cannot be detached from stays watched: its packets are
    /// counted, and what is counted is told. It is tried again with the next look at everything.
    pub(super) fn leave(&mut self, index: u32) {
        if !self.let_go(index) {
            return;
        }
        let Some(known) = self.interfaces.watched.get_mut(&index) else {
            return;
        };
        known.state = State::Leaving(Leaving::Detached);
        if let Some(registered) = self.shared.register.lock().interfaces.get_mut(&index) {
            registered.watched = None;
            registered.troubles.clear();
        }
        self.closer.close(Batch {
            left: vec![index],
            ..Batch::default()
        });
    }

    /// Takes the programs away from an interface. True when none is left there; what is refused is in the report.
    fn let_go(&mut self, index: u32) -> bool {
        let Some(known) = self.interfaces.watched.get_mut(&index) else {
            return true;
        };
        let State::Watched(held) = &mut known.state else {
            return true;
        };
        let mut troubles = Vec::new();
        held.retain_mut(|held| match held.attached.let_go() {
            Ok(()) => false,
            Err(error) => {
                troubles.push(said::undetached(&known.interface, &error));
                true
            }
        });
        let left: Vec<Direction> = held.iter().map(|held| held.direction).collect();
        let link = self.interfaces.links.get(index);
        // Filters go with their interface, whatever was answered.
        if left.is_empty() || link.is_none_or(|link| link.generation != known.generation) {
            return true;
        }
        let mut entries = self.shared.register.lock();
        if let Some(registered) = entries.interfaces.get_mut(&index) {
            if let Some(watched) = &mut registered.watched {
                for direction in [Direction::Ingress, Direction::Egress] {
                    if !left.contains(&direction) {
                        *watched.at(direction) = None;
                    }
                }
            }
            registered.troubles = troubles;
        }
        false
    }

    /// A grace period has gone by for an interface that leaves, behind whatever was closed before.
    pub(in crate::source::capture) fn left(&mut self, index: u32) {
        let Some(known) = self.interfaces.watched.get_mut(&index) else {
            return;
        };
        match &mut known.state {
            State::Leaving(leaving @ Leaving::Detached) => *leaving = Leaving::Quiet,
            State::Leaving(Leaving::Emptied) => {
                self.interfaces.watched.remove(&index);
                self.interfaces.stale = true;
                self.names.remove(&index);
                self.shared.register.depart(index, &self.shared.ledger);
                self.shared.register.lock().counts.left += 1;
            }
            _ => {}
        }
    }

    /// Hands over the flows of interfaces that have become quiet, as many as there is room for records of.
    pub(in crate::source::capture) fn close_flows_of_left(
        &mut self,
        room: &mut usize,
        batch: &mut Batch,
    ) {
        let quiet: BTreeSet<u32> = self
            .interfaces
            .watched
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Leaving(Leaving::Quiet)))
            .map(|(index, _)| *index)
            .collect();
        if quiet.is_empty() {
            return;
        }
        let mut all = true;
        for slot in 0..self.shared.slab.touched() {
            if self.due[slot as usize] == Moment::CLOSING
                || self.shared.slab.state(slot) == state::FREE
                || !quiet.contains(&self.shared.slab.ifindex(slot))
            {
                continue;
            }
            // One that is owed a record has its last one when that has arrived.
            if self.is_owed(slot) {
                all = false;
                continue;
            }
            let unwanted = self.is_unwanted(slot);
            if *room == 0 && !unwanted {
                return;
            }
            self.close(slot, EndReason::ForcedEnd, unwanted, room, batch);
        }
        if !all {
            return;
        }
        for index in quiet {
            if let Some(known) = self.interfaces.watched.get_mut(&index) {
                known.state = State::Leaving(Leaving::Emptied);
                batch.left.push(index);
            }
        }
    }

    /// Takes all programs away: the source ends.
    pub(in crate::source::capture) fn detach(&mut self) {
        let watched: Vec<u32> = self.interfaces.watched.keys().copied().collect();
        for index in watched {
            // The report says what stayed; dropping it tries once more.
            self.let_go(index);
            if let Some(known) = self.interfaces.watched.get_mut(&index)
                && let State::Watched(held) = &mut known.state
            {
                held.clear();
            }
        }
        // Who opens an instance again at once must find it free.
        if self.kept.is_none() {
            self.control.detached();
        }
    }
}
