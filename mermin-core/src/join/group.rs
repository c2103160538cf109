//! One conversation: its flows, and the flow that reports it.

use mermin_bpf::abi::{key::KeyWords, slot::DIRECTIONS};

use super::sight::{Counted, Sight};
use crate::flow::ObservationPoint;

/// Largest number of flows in a conversation.
const MOST: usize = ObservationPoint::MOST;

/// Largest time that a packet takes from one interface to another (ns).
const PASSAGE: u64 = 10_000_000;

/// Largest difference between the times at which two interfaces see a packet (ns), also of one that waits for long.
const SLACK: u64 = 1_000_000_000;

/// The decision about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The record is made without `covered`. These counts are sums since this flow began, and other records have them. They
    /// are zero for the reporting flow; above zero if the flow takes over now, or is a former reporter that still owes
    /// counts. `sights` has all flows of the conversation, in the order in which they saw it.
    Reports {
        covered: [Counted; DIRECTIONS],
        sights: Vec<Sight>,
    },
    /// Another flow reports the conversation.
    Suppressed,
}

/// A flow of the conversation.
#[derive(Clone, Debug)]
struct Member {
    slot: u32,
    /// Its key. No two open flows have the same key.
    place: KeyWords,
    /// Counts of the conversation when this flow began.
    before: [Counted; DIRECTIONS],
    /// Its counts when another flow took over. It still reports the part up to these counts.
    owes: [Counted; DIRECTIONS],
    /// Its last counts; present after its end.
    ended: Option<Sight>,
}

impl Member {
    fn is(&self, slot: u32) -> bool {
        self.slot == slot && self.ended.is_none()
    }

    fn sight(&self, read: &impl Fn(u32) -> Sight) -> Sight {
        self.ended.clone().unwrap_or_else(|| read(self.slot))
    }

    /// Returns the covered counts of a record that reports what the flow still owes and no more. `None` if it owes
    /// nothing.
    fn settle(
        &mut self,
        own: &Sight,
        exported: &[Counted; DIRECTIONS],
    ) -> Option<[Counted; DIRECTIONS]> {
        let owes = std::mem::take(&mut self.owes);
        let mut covered = own.sides;
        let mut any = false;
        for ((covered, owes), exported) in covered.iter_mut().zip(owes).zip(exported) {
            let left = owes.minus(*exported);
            any |= left.packets != 0;
            *covered = covered.minus(left);
        }
        any.then_some(covered)
    }
}

/// A new flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub(super) slot: u32,
    pub(super) place: KeyWords,
    /// Monotonic times of its first and last packet so far, ns.
    pub(super) first_seen: u64,
    pub(super) last_seen: u64,
    /// Its counts so far.
    pub(super) sides: [Counted; DIRECTIONS],
}

/// The group that a new flow belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// This conversation.
    Here,
    /// This conversation; the flow replaces the member at this index, which has ended.
    InPlaceOf(usize),
    /// The next conversation between the same endpoints.
    Apart,
    /// This conversation, which has no room.
    Full,
}

/// The flows of one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    members: Vec<Member>,
    /// The flow that reports; set by the first decision, or by the first flow that an earlier process reported.
    reporter: Option<usize>,
}

impl Group {
    /// Decides which conversation a new flow belongs to. `read` returns the current counts of a flow.
    pub(super) fn fit(&self, new: &Newcomer, read: &impl Fn(u32) -> Sight) -> Fit {
        let mut sights = self.members.iter().map(|member| member.sight(read));
        let any = sights.any(|sight| {
            sight.last_seen.saturating_add(SLACK) >= new.first_seen
                && new.last_seen.saturating_add(SLACK) >= sight.first_seen
        });
        match self.members.iter().position(|it| it.place == new.place) {
            // Either the earlier flow with this key is still open, so the new flow is a new connection. Or no flow of this
            // conversation overlaps the new flow in time.
            Some(at) if self.members[at].ended.is_none() || !any => Fit::Apart,
            Some(at) => Fit::InPlaceOf(at),
            None if !any => Fit::Apart,
            None if self.members.len() >= MOST => Fit::Full,
            None => Fit::Here,
        }
    }

    /// Adds a flow as [`fit`](Self::fit) decided.
    pub(super) fn add(&mut self, new: &Newcomer, fit: Fit, read: &impl Fn(u32) -> Sight) {
        let member = Member {
            slot: new.slot,
            place: new.place,
            before: self.before(new, read),
            owes: Default::default(),
            ended: None,
        };
        match fit {
            Fit::InPlaceOf(at) => self.members[at] = member,
            Fit::Here | Fit::Apart | Fit::Full => self.members.push(member),
        }
    }

    /// Returns the counts of the conversation when a flow began: zero, unless the flow is much younger than the
    /// others. The flow has counted packets since then. A flow that sees the same packets has them as well: its last packet is the same,
    /// or was seen long after the new one began. Packets that are between both interfaces now are at one of them alone.
    fn before(&self, new: &Newcomer, read: &impl Fn(u32) -> Sight) -> [Counted; DIRECTIONS] {
        let mut before = [Counted::default(); DIRECTIONS];
        let mut is_younger = !self.members.is_empty();
        for member in &self.members {
            let sight = member.sight(read);
            is_younger &= new.first_seen > sight.first_seen.saturating_add(SLACK);
            let is_passed = sight.last_seen.saturating_add(PASSAGE) >= new.last_seen
                || sight.last_seen >= new.first_seen.saturating_add(SLACK);
            for (side, before) in before.iter_mut().enumerate() {
                let shared = if is_passed {
                    new.sides[side]
                } else {
                    Counted::default()
                };
                let then = sight.sides[side].minus(shared);
                *before = before.at_least(member.before[side].plus(then));
            }
        }
        if is_younger {
            before
        } else {
            Default::default()
        }
    }

    /// The flow in this slot becomes the reporter, because an earlier process made a record of it. If there is another reporter already, the flow owes
    /// its counts up to now.
    pub(super) fn has_reported(&mut self, slot: u32, read: &impl Fn(u32) -> Sight) {
        let Some(at) = self.members.iter().position(|member| member.is(slot)) else {
            return;
        };
        if *self.reporter.get_or_insert(at) != at {
            self.members[at].owes = read(slot).sides;
        }
    }

    /// Decides about a record of the flow in a slot. `own` has its current counts, `exported` those of its earlier
    /// records.
    pub(super) fn decide(
        &mut self,
        slot: u32,
        own: &Sight,
        exported: &[Counted; DIRECTIONS],
        read: &impl Fn(u32) -> Sight,
    ) -> Decision {
        let Some(me) = self.members.iter().position(|member| member.is(slot)) else {
            return alone(own);
        };
        let mut sights = self.seen(me, own, read);
        let reporter = *self.reporter.get_or_insert_with(|| first(&sights));
        let covered = if reporter == me {
            Some(Default::default())
        } else if covers(&sights[reporter], own) {
            self.members[me].settle(own, exported)
        } else {
            self.take_over(me, reporter, &sights)
        };
        let Some(covered) = covered else {
            return Decision::Suppressed;
        };
        sights.sort_by_key(|sight| sight.first_seen);
        Decision::Reports { covered, sights }
    }

    /// Returns the current counts of all flows, in the order in which they saw the conversation.
    pub(super) fn sights(
        &self,
        slot: u32,
        own: &Sight,
        read: &impl Fn(u32) -> Sight,
    ) -> Vec<Sight> {
        let me = self.members.iter().position(|member| member.is(slot));
        let mut sights = match me {
            Some(me) => self.seen(me, own, read),
            None => vec![own.clone()],
        };
        sights.sort_by_key(|sight| sight.first_seen);
        sights
    }

    fn seen(&self, me: usize, own: &Sight, read: &impl Fn(u32) -> Sight) -> Vec<Sight> {
        let of = |(at, member): (usize, &Member)| {
            if at == me {
                own.clone()
            } else {
                member.sight(read)
            }
        };
        self.members.iter().enumerate().map(of).collect()
    }

    /// Makes the flow the reporter, unless the former reporter has counted all packets of this flow. Returns the
    /// counts that both have.
    fn take_over(
        &mut self,
        me: usize,
        former: usize,
        sights: &[Sight],
    ) -> Option<[Counted; DIRECTIONS]> {
        let mut shared = [Counted::default(); DIRECTIONS];
        for (side, shared) in shared.iter_mut().enumerate() {
            let had = self.members[former].before[side].plus(sights[former].sides[side]);
            let since = had.minus(self.members[me].before[side]);
            *shared = since.at_most(sights[me].sides[side]);
        }
        let own = sights[me].sides.iter();
        if own
            .zip(&shared)
            .all(|(own, shared)| own.packets == shared.packets)
        {
            return None;
        }
        self.members[former].owes = sights[former].sides;
        self.reporter = Some(me);
        Some(shared)
    }

    /// Ends the flow in a slot with its last counts. Returns true if no open flow is left.
    pub(super) fn end(&mut self, slot: u32, own: Sight) -> bool {
        if let Some(member) = self.members.iter_mut().find(|member| member.is(slot)) {
            member.ended = Some(own);
        }
        self.members.iter().all(|member| member.ended.is_some())
    }
}

/// Returns the decision for a flow that is alone in its conversation.
pub(super) fn alone(own: &Sight) -> Decision {
    Decision::Reports {
        covered: Default::default(),
        sights: vec![own.clone()],
    }
}

/// Returns the flow that reports: the earliest of those that saw both directions, or else the earliest.
fn first(sights: &[Sight]) -> usize {
    let both = sights.iter().any(Sight::sees_both_ways);
    let mut wanted = (0..sights.len()).filter(|&at| !both || sights[at].sees_both_ways());
    let first = wanted.next().unwrap_or(0);
    wanted.fold(first, |first, at| {
        let earlier = sights[at].first_seen < sights[first].first_seen;
        if earlier { at } else { first }
    })
}

/// Returns true if the reporter sees the other flow's packets: it has packets in each direction that the other has, and its last
/// packet is at most [`SLACK`] older than the other's.
fn covers(reporter: &Sight, other: &Sight) -> bool {
    let each_way = reporter
        .sides
        .iter()
        .zip(&other.sides)
        .all(|(its, others)| its.packets != 0 || others.packets == 0);
    each_way && reporter.last_seen.saturating_add(SLACK) >= other.last_seen
}
