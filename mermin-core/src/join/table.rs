//! Open conversations, and the conversation of each flow.

use std::collections::HashMap;

use super::{
    Join,
    conversation::Conversation,
    group::{Decision, Fit, Group, Newcomer, alone},
    points::points,
    sight::{Counted, Sight},
};
use crate::{
    flow::Flow,
    table::{export_state::Exported, snapshot::FlowSnapshot},
};
use mermin_bpf::abi::slot::DIRECTIONS;

/// Number of a conversation, unique while it is open.
type Number = u64;

/// A flow that begins, or that an earlier process already reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a> {
    pub(crate) slot: u32,
    pub(crate) flow: &'a FlowSnapshot,
    /// A record of the flow was made earlier.
    pub(crate) is_exported: bool,
}

/// Open conversations. There are at most as many as open flows, each with at most
/// [`ObservationPoint::MOST`](crate::flow::ObservationPoint::MOST) flows.
#[derive(Debug)]
pub(crate) struct Conversations {
    join: Join,
    groups: HashMap<Number, (Conversation, Group)>,
    /// The latest conversation between two endpoints.
    latest: HashMap<Conversation, Number>,
    /// The conversation of the flow in each slot; `None` if the conversation had no room.
    of_slot: HashMap<u32, Option<Number>>,
    next: Number,
}

impl Conversations {
    /// Returns `None` if each interface reports its own flows, which needs no state.
    pub(crate) fn new(join: Join) -> Option<Self> {
        (join != Join::PerInterface).then(|| Self {
            join,
            groups: HashMap::new(),
            latest: HashMap::new(),
            of_slot: HashMap::new(),
            next: 0,
        })
    }

    /// Returns true if the flow in a slot was added.
    pub(crate) fn knows(&self, slot: u32) -> bool {
        self.of_slot.contains_key(&slot)
    }

    /// Adds a flow. `read` returns the current counts of the flow in another slot. Returns false if the conversation
    /// has no room; the flow then reports itself.
    pub(crate) fn begin(&mut self, it: &Beginning<'_>, read: impl Fn(u32) -> Sight) -> bool {
        let conversation = Conversation::of(it.flow);
        let new = Newcomer {
            slot: it.slot,
            place: it.flow.key,
            first_seen: it.flow.first_seen,
            last_seen: it.flow.last_seen(),
            sides: it.flow.sides.each_ref().map(Counted::from),
        };
        let mut number = self.latest.get(&conversation).copied();
        let mut fit = Fit::Apart;
        if let Some((_, group)) = number.and_then(|number| self.groups.get(&number)) {
            fit = group.fit(&new, &read);
        }
        if fit == Fit::Full {
            self.of_slot.insert(it.slot, None);
            return false;
        }
        if fit == Fit::Apart {
            number = None;
        }
        let number = number.unwrap_or_else(|| self.open(conversation));
        if let Some((_, group)) = self.groups.get_mut(&number) {
            group.add(&new, fit, &read);
            if it.is_exported {
                group.has_reported(it.slot, &read);
            }
        }
        self.of_slot.insert(it.slot, Some(number));
        true
    }

    fn open(&mut self, conversation: Conversation) -> Number {
        let number = self.next;
        self.next += 1;
        self.groups.insert(number, (conversation, Group::default()));
        self.latest.insert(conversation, number);
        number
    }

    /// Decides about a record of the flow in a slot. `own` has its current counts, `exported` those of its earlier
    /// records.
    pub(crate) fn decide(
        &mut self,
        slot: u32,
        own: &Sight,
        exported: &[Exported; DIRECTIONS],
        read: impl Fn(u32) -> Sight,
    ) -> Decision {
        match self.group_of(slot) {
            Some((_, group)) => {
                group.decide(slot, own, &exported.each_ref().map(Counted::from), &read)
            }
            None => alone(own),
        }
    }

    /// Returns the current counts of all flows in the conversation of a slot, in the order in which they saw it.
    pub(crate) fn sights(&self, slot: u32, own: &Sight, read: impl Fn(u32) -> Sight) -> Vec<Sight> {
        let number = self.of_slot.get(&slot).copied().flatten();
        match number.and_then(|number| self.groups.get(&number)) {
            Some((_, group)) => group.sights(slot, own, &read),
            None => vec![own.clone()],
        }
    }

    /// Adds the interfaces of the conversation to a record, and the counts of each if [`Join::Merged`] asks for them.
    pub(crate) fn describe(&self, record: &mut Flow, flow: &FlowSnapshot, sights: &[Sight]) {
        record.observation_points = points(record, sights, flow, self.join);
    }

    /// Ends the flow in a slot with its last counts.
    pub(crate) fn end(&mut self, slot: u32, own: Sight) {
        let is_over = self
            .group_of(slot)
            .is_some_and(|(_, group)| group.end(slot, own));
        let number = self.of_slot.remove(&slot).flatten();
        if let Some(number) = number.filter(|_| is_over)
            && let Some((conversation, _)) = self.groups.remove(&number)
            && self.latest.get(&conversation) == Some(&number)
        {
            self.latest.remove(&conversation);
        }
    }

    fn group_of(&mut self, slot: u32) -> Option<&mut (Conversation, Group)> {
        let number = self.of_slot.get(&slot).copied().flatten()?;
        self.groups.get_mut(&number)
    }

    /// The table is empty at the end.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.latest.is_empty() && self.of_slot.is_empty()
    }
}
