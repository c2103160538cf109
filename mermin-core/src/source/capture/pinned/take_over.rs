//! Going on where a former process stopped: every slot is looked at once, with what was noted of it.

use std::collections::BTreeSet;

use mermin_bpf::abi::slot::state;

use super::said;
use crate::{
    attach::keep::Keeper,
    bpf::{index::Keys, pin::journal::Recalled},
    error::{Error, ErrorKind},
    filter::Standing,
    flow::EndReason,
    points::{Point, pass},
    report::TakenOver,
    source::capture::{closing::Batch, open::Capture},
    table::{entry::Entry, moment::Moment, observation::Observation, record::Frame},
};

/// What came of looking at all slots.
#[derive(Default)]
struct Walk {
    /// Keys of flows that were being closed.
    keys: Keys,
    /// Those flows.
    batch: Batch,
    taken: TakenOver,
    torn: u64,
}

impl Capture {
    /// Takes away what is left of others at the hooks and goes on with the flows there are. To be called once all is
    /// attached.
    pub(in crate::source::capture) fn take_over(&mut self) -> Result<(), Error> {
        let hooks = self.interfaces.hooks();
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let interfaces = self.interfaces.list();
        hooks.clear(&interfaces);
        let refused = |error| {
            Error::new(
                ErrorKind::System,
                "cannot remove what a former process left",
            )
            .with_source(error)
        };
        kept.instance
            .unpin_programs(&kept.programs)
            .map_err(refused)?;
        for stale in std::mem::take(&mut kept.stale) {
            hooks.clear_by(
                &Keeper::new("".into(), [], stale.programs.clone()),
                &interfaces,
            );
            stale.remove().map_err(refused)?;
        }
        let Some(supply) = kept.supply.take() else {
            return Ok(());
        };
        self.grace.wait().map_err(|error| {
            Error::new(ErrorKind::System, "cannot wait for a grace period").with_source(error)
        })?;
        self.clear_done();
        let rest = supply
            .rest(&self.shared.slab)
            .map_err(|error| system("cannot take over the free slots", error))?;
        let returned = rest.len();
        if let Some(kept) = &mut self.kept {
            kept.rest = rest;
        }
        let watched = self.interfaces.watched(false);
        self.shared
            .register
            .depart_all_but(&watched, &self.shared.ledger);
        let walk = self.walk(&self.interfaces.watched(true))?;
        self.closer.close(walk.batch);
        self.deliver();
        let mut entries = self.shared.register.lock();
        entries.taken_over = Some(TakenOver {
            slots_returned: returned,
            ..walk.taken
        });
        if walk.torn != 0 {
            entries.general.push(said::torn(walk.torn));
        }
        Ok(())
    }

    /// Empties slots of which all was told. They are in no stack, whatever their state says.
    fn clear_done(&mut self) {
        let Some(kept) = &self.kept else { return };
        for slot in 0..self.shared.slab.touched() {
            if kept.journal.is_done(slot) {
                self.shared.slab.scrub(slot);
                kept.journal.clear(slot);
            }
        }
    }

    fn walk(&mut self, in_place: &BTreeSet<u32>) -> Result<Walk, Error> {
        self.ticks = self.read_clock()?;
        let frame = self.frame();
        let mut walk = Walk::default();
        for slot in 0..self.shared.slab.touched() {
            let state = self.shared.slab.state(slot);
            if state == state::FREE {
                continue;
            }
            pass(Point::TakingOver);
            let Some(noted) = self.kept.as_ref().map(|kept| kept.journal.recall(slot)) else {
                continue;
            };
            let flow = self.shared.slab.observe(slot, &self.ticks);
            walk.torn += u64::from(self.recall(slot, &flow, &noted));
            // One that the kernel program has replaced is closed without being marked.
            if state == state::CLOSING || noted.ended.is_some() {
                walk.taken.flows_closing += 1;
                walk.taken.records_again += u64::from(noted.ended.is_some());
                self.resume_close(slot, noted.ended, &mut walk)?;
                continue;
            }
            walk.taken.flows += 1;
            if let Some((then, last_seen)) = noted.offered {
                walk.taken.records_again += 1;
                self.give_again(slot, flow, then, last_seen, &frame);
            }
            if let Some(kept) = &mut self.kept
                && !in_place.contains(&flow.tail().ifindex)
            {
                kept.strays.push((slot, flow.first_seen));
            }
        }
        self.index
            .delete(&walk.keys)
            .map_err(|error| system("cannot take ended flows out of the index", error))?;
        Ok(walk)
    }

    /// Remembers what was told of a flow. True where that cannot be, and is not believed.
    fn recall(&mut self, slot: u32, flow: &Observation, noted: &Recalled) -> bool {
        let counted = |entry: &Entry| {
            let sides = entry.told.iter().zip(&flow.sides);
            sides
                .into_iter()
                .all(|(told, side)| told.packets <= side.packets && told.octets <= side.octets)
        };
        let offered = noted.offered.as_ref().map(|(entry, _)| entry);
        let torn = !counted(&noted.told) || !offered.is_none_or(counted);
        self.entries[slot as usize] = if torn {
            Entry {
                sequence: noted.told.sequence,
                ..Entry::default()
            }
        } else {
            noted.told
        };
        torn
    }

    /// Gives a record again that may not have arrived: of the same counters, whatever was counted since, and whatever is
    /// wanted now. The one who has it already must not find it under `filtered` as well.
    fn give_again(
        &mut self,
        slot: u32,
        mut flow: Observation,
        then: Entry,
        last_seen: u64,
        frame: &Frame,
    ) {
        for (side, told) in flow.sides.iter_mut().zip(&then.told) {
            side.packets = side.packets.min(told.packets);
            side.octets = side.octets.min(told.octets);
            side.extra = told.extra;
            side.last_seen = side.last_seen.min(last_seen);
        }
        let record = self.record(slot, &flow, EndReason::ActiveTimeout, frame);
        self.out.push_back(record);
        self.entries[slot as usize] = then;
    }

    /// Goes on closing a flow: its key goes if it still leads here. Its last record is made a grace period later.
    fn resume_close(
        &mut self,
        slot: u32,
        ended: Option<EndReason>,
        walk: &mut Walk,
    ) -> Result<(), Error> {
        let mut keys = Keys::default();
        self.shared.slab.give_key(slot, &mut keys);
        let leads_here = self
            .index
            .leads_to(&keys, slot)
            .map_err(|error| system("cannot look a flow up", error))?;
        if leads_here {
            walk.keys.v4.append(&mut keys.v4);
            walk.keys.v6.append(&mut keys.v6);
        }
        walk.batch
            .flows
            .push((slot, ended.unwrap_or(EndReason::IdleTimeout)));
        self.due[slot as usize] = Moment::CLOSING;
        if ended.is_some() {
            // As with any record that is given again.
            self.standings[slot as usize] = Standing::WANTED;
        }
        self.promised += usize::from(!self.is_unwanted(slot));
        Ok(())
    }

    /// Hands over flows of interfaces that are not there any more, as many as there is room for records of.
    pub(in crate::source::capture) fn close_strays(&mut self, room: &mut usize, batch: &mut Batch) {
        let Some(kept) = &mut self.kept else { return };
        let mut strays = std::mem::take(&mut kept.strays);
        strays.retain(|&(slot, first_seen)| {
            let due = self.due[slot as usize];
            let ended = due == Moment::CLOSING
                || self.shared.slab.state(slot) == state::FREE
                || self.shared.slab.first_seen(slot) != first_seen;
            if !ended {
                let unwanted = self.is_unwanted(slot);
                self.close(slot, EndReason::ForcedEnd, unwanted, room, batch);
            }
            !ended && self.due[slot as usize] != Moment::CLOSING
        });
        if let Some(kept) = &mut self.kept {
            kept.strays = strays;
        }
    }
}

fn system(message: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}
