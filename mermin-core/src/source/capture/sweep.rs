//! The sweep: looks at the flows that may be due, reports them, closes them.

use std::{io, sync::atomic::Ordering};

use mermin_bpf::abi::slot::state;

use super::{
    closing::{Batch, Closed, delete},
    due::Due,
    open::Capture,
};
use crate::{
    bpf::clock::{Wall, monotonic},
    error::{Error, ErrorKind},
    filter::Standing,
    flow::{EndReason, Flow},
    table::{
        entry::Entry,
        limits::is_over,
        moment::Moment,
        observation::Observation,
        record::{Frame, record},
        verdict::{Verdict, judge},
    },
};

/// A look at every slot ever used, whether a flow is known to have begun there or not, this often (ns).
const WHOLE_PERIOD: u64 = 2_000_000_000;

/// How far emptying the table came.
pub(super) enum Emptied {
    /// Until the queue was full.
    Partly,
    /// No flow is left.
    Everything,
}

impl Capture {
    /// Has the next sweep look at the slots that were free and where a flow may have begun.
    pub(super) fn listen(&mut self) {
        if self.deaf {
            return;
        }
        let due = &mut self.due;
        self.shared.slab.take_fresh(|slots| {
            for slot in slots {
                if due[slot as usize] == Moment::NEVER {
                    due[slot as usize] = Moment::NOW;
                }
            }
        });
    }

    /// Looks at every flow that may be due at `now` (monotonic ns).
    pub(super) fn sweep(&mut self, now: u64) -> Result<(), Error> {
        self.ticks = self.read_clock()?;
        let frame = self.frame();
        let step = Moment::at(now);
        let whole = now >= self.whole_at;
        if whole {
            self.whole_at = now + WHOLE_PERIOD;
        }
        let mut room = self.room();
        let mut batch = Batch::default();
        self.close_flows_of_left(&mut room, &mut batch);
        self.close_strays(&mut room, &mut batch);
        let mut open = 0;
        let touched = self.shared.slab.touched() as usize;
        let mut due = Due::at(step, whole);
        while due.advance(&self.due[..touched]) {
            let slots = due.slots();
            for (number, &slot) in slots.iter().enumerate() {
                self.shared.slab.look_ahead(&slots[number..]);
                match self.shared.slab.state(slot) {
                    state::LIVE => {
                        open += 1;
                        self.look(slot, now, &frame, &mut room, &mut batch);
                    }
                    state::REPLACED => {
                        open += 1;
                        let unwanted = self.is_unwanted(slot);
                        self.close(slot, EndReason::EndOfFlow, unwanted, &mut room, &mut batch);
                    }
                    // Free: the kernel program tells when it is not.
                    _ => self.due[slot as usize] = Moment::NEVER,
                }
            }
        }
        open += due.waiting();
        self.closer.close(batch);
        self.shared.counts.open.store(open, Ordering::Relaxed);
        // With flows on their way out, their end wakes this thread; looking before would find no more room.
        if room == 0 && self.closer.in_flight() == 0 && !self.queue.want_room() {
            self.control.wake();
        }
        Ok(())
    }

    /// Judges one live flow. Without room for a record it is left as it is, and looked at again.
    fn look(&mut self, slot: u32, now: u64, frame: &Frame, room: &mut usize, batch: &mut Batch) {
        let unwanted = self.is_unwanted(slot);
        let flow = self.shared.slab.glance(slot, &self.ticks);
        let entry = &self.entries[slot as usize];
        match judge(&flow, entry, &self.limits, now) {
            Verdict::Keep(next) => self.due[slot as usize] = next,
            Verdict::Report => self.report(slot, now, frame, unwanted, room),
            Verdict::Close(reason) => self.close(slot, reason, unwanted, room, batch),
        }
    }

    /// Makes a record of a flow that goes on, if anything is to be told.
    fn report(&mut self, slot: u32, now: u64, frame: &Frame, unwanted: bool, room: &mut usize) {
        let flow = self.shared.slab.observe(slot, &self.ticks);
        let entry = &mut self.entries[slot as usize];
        if entry.untold(&flow) == 0 {
            entry.since = Moment::at(now);
            return;
        }
        let mut then = *entry;
        if self.is_owed(slot) || *room == 0 && !unwanted {
            return;
        }
        *room -= usize::from(!unwanted);
        self.shared.slab.want_samples(slot);
        then.told(&flow, now);
        if !self.emit(slot, &flow, EndReason::ActiveTimeout, frame) {
            self.withhold(slot, &flow, Some(&then));
        } else if let Some(kept) = &self.kept {
            kept.note(slot, &then, flow.last_seen());
        }
        self.entries[slot as usize] = then;
    }

    /// Has a flow closed if there will be room for its record, or none is to come.
    pub(super) fn close(
        &mut self,
        slot: u32,
        reason: EndReason,
        unwanted: bool,
        room: &mut usize,
        batch: &mut Batch,
    ) {
        if self.is_owed(slot) {
            return;
        }
        if !unwanted {
            if *room == 0 {
                return;
            }
            *room -= 1;
            self.promised += 1;
        }
        batch.flows.push((slot, reason));
        self.due[slot as usize] = Moment::CLOSING;
    }

    /// Records that still fit into the queue once all flows that are being closed have theirs.
    fn room(&self) -> usize {
        self.queue
            .room()
            .saturating_sub(self.promised + self.out.len())
    }

    pub(super) fn frame(&mut self) -> Frame {
        self.wall.follow(Wall::read());
        let monotonic = monotonic();
        Frame {
            epoch: self.epoch,
            monotonic,
            wall: self.wall.at(monotonic),
        }
    }

    /// Gives a record if it is wanted; else it is to be [withheld](Self::withhold).
    pub(super) fn emit(
        &mut self,
        slot: u32,
        flow: &Observation,
        reason: EndReason,
        frame: &Frame,
    ) -> bool {
        let standing = self.standing(slot, flow);
        if standing == Standing::UNWANTED {
            return false;
        }
        let record = self.record(slot, flow, reason, frame);
        let wanted = self.filters.admit(standing, &record);
        if wanted {
            self.out.push_back(record);
        }
        wanted
    }

    /// The next record of a flow.
    pub(super) fn record(
        &self,
        slot: u32,
        flow: &Observation,
        reason: EndReason,
        frame: &Frame,
    ) -> Flow {
        let entry = &self.entries[slot as usize];
        record(slot, flow, entry, reason, &self.name(flow), frame)
    }

    /// Hands the records made so far to the consumer.
    pub(super) fn deliver(&mut self) {
        let made = self.out.len() as u64;
        if made != 0 {
            self.shared
                .counts
                .records
                .fetch_add(made, Ordering::Relaxed);
            self.queue.put(&mut self.out);
        }
    }

    /// Makes the last records of flows whose grace period is over, and gives their slots back.
    pub(super) fn finish_closed(&mut self) -> Result<(), Error> {
        while let Some(closed) = self.closer.next() {
            self.finish(closed)?;
        }
        Ok(())
    }

    fn finish(&mut self, closed: Closed) -> Result<(), Error> {
        closed.result.map_err(not_out)?;
        self.shared.waited(closed.grace);
        self.ticks = self.read_clock()?;
        let frame = self.frame();
        for (slot, reason) in closed.batch.flows {
            let unwanted = self.is_unwanted(slot);
            self.promised = self.promised.saturating_sub(usize::from(!unwanted));
            if self.end(slot, reason, &frame) {
                self.give_back(slot)?;
            }
        }
        for index in closed.batch.left {
            self.left(index);
        }
        Ok(())
    }

    pub(super) fn give_back(&self, slot: u32) -> Result<(), Error> {
        self.index.give_back(slot).map_err(|error| {
            Error::new(ErrorKind::System, "cannot give a slot back").with_source(error)
        })
    }

    /// Makes a flow's last record and empties its slot, unless the record has to be acknowledged first. True when the slot is
    /// empty.
    pub(super) fn end(&mut self, slot: u32, reason: EndReason, frame: &Frame) -> bool {
        let flow = self.shared.slab.observe(slot, &self.ticks);
        // Packets may have come since it was judged.
        let reason = if is_over(&flow.glance()) {
            EndReason::EndOfFlow
        } else {
            reason
        };
        if !self.emit(slot, &flow, reason, frame) {
            self.withhold(slot, &flow, None);
        } else if let Some(kept) = &mut self.kept {
            kept.finish(slot, reason);
        }
        self.shared.counts.ended.fetch_add(1, Ordering::Relaxed);
        if self.kept.is_some() {
            self.due[slot as usize] = Moment::CLOSING;
            return false;
        }
        self.empty_slot(slot);
        true
    }

    /// Makes a slot one that nothing is known of.
    pub(super) fn empty_slot(&mut self, slot: u32) {
        self.shared.slab.scrub(slot);
        let entry = &mut self.entries[slot as usize];
        // Most flows have one record, and their entry was never touched: reading it takes no memory.
        if *entry != Entry::default() {
            *entry = Entry::default();
        }
        self.forget_standing(slot);
        self.due[slot as usize] = Moment::NEVER;
    }

    /// After detaching: waits until no program runs, and finishes what was being closed.
    pub(super) fn wait_out(&mut self) -> Result<(), Error> {
        self.grace.wait().map_err(|error| {
            Error::new(ErrorKind::System, "cannot wait for a grace period").with_source(error)
        })?;
        self.finish_all()?;
        self.ticks = self.read_clock()?;
        Ok(())
    }

    /// Waits for what is being closed, and finishes it.
    pub(super) fn finish_all(&mut self) -> Result<(), Error> {
        while let Some(closed) = self.closer.wait() {
            self.finish(closed)?;
        }
        Ok(())
    }

    /// Ends flows as long as there is room for their records. No program runs any more, so no slot changes.
    pub(super) fn empty(&mut self) -> Result<Emptied, Error> {
        let mut room = self.room();
        let touched = self.shared.slab.touched();
        let mut ending = Vec::new();
        let (mut owed, mut full) = (false, false);
        while self.emptied < touched && !full {
            let slot = self.emptied;
            let ended = self.shared.slab.state(slot) == state::FREE
                || self.due[slot as usize] == Moment::CLOSING;
            if !ended && self.is_owed(slot) {
                owed = true;
            } else if !ended {
                let unwanted = self.is_unwanted(slot);
                if room == 0 && !unwanted {
                    full = true;
                    continue;
                }
                room -= usize::from(!unwanted);
                ending.push((slot, EndReason::ForcedEnd));
            }
            self.emptied += 1;
        }
        self.end_all(&ending)?;
        if full {
            if !self.queue.want_room() {
                self.control.wake();
            }
            return Ok(Emptied::Partly);
        }
        self.shared.counts.open.store(0, Ordering::Relaxed);
        if owed {
            // Those are looked at again once their records have arrived.
            self.emptied = 0;
            return Ok(Emptied::Partly);
        }
        Ok(Emptied::Everything)
    }

    fn end_all(&mut self, flows: &[(u32, EndReason)]) -> Result<(), Error> {
        if self.kept.is_some() {
            // Were this process killed, the next one would attach before it looks at slots: no packet may find a flow that
            // has its last record.
            delete(&self.shared.slab, &self.index, flows).map_err(not_out)?;
        }
        let frame = self.frame();
        for &(slot, reason) in flows {
            self.end(slot, reason, &frame);
        }
        Ok(())
    }
}

fn not_out(error: io::Error) -> Error {
    Error::new(
        ErrorKind::System,
        "cannot take ended flows out of the index",
    )
    .with_source(error)
}
