//! A source that outlives its process: what it takes over, what it writes down, and what it leaves.

mod prepare;
mod said;
mod take_over;

use std::{collections::VecDeque, rc::Rc, sync::Arc};

use mermin_bpf::abi::slot::DIRECTIONS;

pub(super) use self::{
    prepare::{Prepared, prepare},
    said::unpinned_link,
};
use super::open::Capture;
use crate::{
    attach::keep::Keeper,
    bpf::ledger::{Ledger, Sum},
    bpf::pin::{
        instance::{Instance, Stale},
        journal::{self, Journal},
        lock::Lock,
        redo::{Plan, Redo},
        supply::{Rest, Supply},
    },
    error::{Error, ErrorKind},
    flow::EndReason,
    points::{Point, pass},
    table::entry::Entry,
};

/// Free slots that are returned to the kernel program in one round: some 3 ms.
const RETURNED_AT_ONCE: u32 = 8192;

/// What a source keeps of an instance. Removes it when dropped, unless it is to stay.
pub(super) struct Kept {
    instance: Instance,
    keeper: Rc<Keeper>,
    pub(super) journal: Arc<Journal>,
    redo: Redo,
    persist: bool,
    adopted: bool,
    stays: bool,
    /// Ids of the programs that were loaded.
    programs: Vec<u32>,
    /// What is to be removed once this source has taken its place.
    stale: Vec<Stale>,
    supply: Option<Supply>,
    rest: Rest,
    /// Slots whose last record was made, in the order of the records.
    awaiting: VecDeque<u32>,
    /// Flows of interfaces that are not there any more: their slots, and when they began there.
    strays: Vec<(u32, u64)>,
}

/// What acknowledges records on behalf of the consumer. While it is there nobody else owns the instance.
#[derive(Debug)]
pub(in crate::source) struct Receipt {
    journal: Arc<Journal>,
    _owner: Arc<Lock>,
}

impl Receipt {
    /// The consumer asked for another record after this slot's.
    pub(in crate::source) fn acknowledge(&self, slot: u32) {
        self.journal.acknowledge(slot);
    }
}

impl Kept {
    pub(super) fn receipt(&self) -> Receipt {
        Receipt {
            journal: Arc::clone(&self.journal),
            _owner: self.instance.lock(),
        }
    }

    pub(super) fn keeper(&self) -> Rc<Keeper> {
        Rc::clone(&self.keeper)
    }

    pub(super) fn owner(&self) -> Arc<Lock> {
        self.instance.lock()
    }

    /// Whether the instance is left as it is when this is dropped, programs at hooks included.
    fn stay(&mut self, stays: bool) {
        self.stays = stays;
        self.keeper.stay(stays);
    }

    /// From now on only closing takes anything away: a failure leaves all there is to the next process.
    pub(super) fn begin(&mut self) {
        self.stays = true;
        self.keeper.stay(false);
    }

    /// The source is closed, or dropped.
    pub(super) fn close(&mut self) {
        self.stay(self.persist);
    }

    /// Nobody got the source: what was found is left as it was, what was made goes.
    pub(super) fn decline(&mut self) {
        self.stay(self.adopted);
    }

    /// Whether flows go on when the source is closed.
    pub(super) fn persists(&self) -> bool {
        self.persist
    }

    /// A failure is about to drop everything.
    pub(super) fn fail(&self) {
        self.keeper.stay(self.stays);
    }

    /// Notes what is told of a flow that goes on, once its record has arrived.
    pub(super) fn note(&self, slot: u32, told: &Entry, last_seen: u64) {
        self.journal.offer(slot, told, last_seen);
    }

    /// Notes that a flow's last record was made.
    pub(super) fn finish(&mut self, slot: u32, reason: EndReason) {
        pass(Point::Recorded);
        self.journal.finish(slot, reason);
        self.awaiting.push_back(slot);
    }

    /// Moves what a record would have told to the ledger, and notes what is told then and the time of the last packet;
    /// without those the flow has ended.
    pub(super) fn withhold(
        &mut self,
        slot: u32,
        then: Option<(&Entry, u64)>,
        sums: [Sum; DIRECTIONS],
        ledger: &Ledger,
    ) {
        let word = if let Some((told, last_seen)) = then {
            self.journal.prepare(slot, told, last_seen)
        } else {
            self.awaiting.push_front(slot);
            journal::DONE
        };
        let plan = Plan::new(slot, word, sums);
        self.redo.carry_out(&plan, &self.journal, ledger);
    }

    /// Whether every last record that was made was acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.awaiting.is_empty()
    }

    /// A slot of which all was told, and acknowledged.
    fn next_done(&mut self) -> Option<u32> {
        let slot = *self.awaiting.front()?;
        self.journal.is_done(slot).then(|| {
            self.awaiting.pop_front();
            slot
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.stays {
            // There is nobody to tell; what stays is removed by the next source of this name.
            let _ = self.instance.remove();
        }
    }
}

impl Capture {
    /// Whether a record of this flow has not been acknowledged: the next one waits, because one can be given again.
    pub(super) fn is_owed(&self, slot: u32) -> bool {
        let kept = self.kept.as_ref();
        kept.is_some_and(|kept| kept.journal.is_owed(slot))
    }

    /// Empties slots of which all was told and acknowledged, and returns free ones that belong to nobody.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        while let Some(slot) = self.kept.as_mut().and_then(Kept::next_done) {
            pass(Point::Acknowledged);
            self.empty_slot(slot);
            pass(Point::Scrubbed);
            if let Some(kept) = &self.kept {
                kept.journal.clear(slot);
            }
            pass(Point::Nobodys);
            self.give_back(slot)?;
        }
        if let Some(kept) = &mut self.kept {
            kept.rest
                .give_back(&self.index, RETURNED_AT_ONCE)
                .map_err(|error| {
                    Error::new(ErrorKind::System, "cannot give a slot back").with_source(error)
                })?;
        }
        Ok(())
    }
}
