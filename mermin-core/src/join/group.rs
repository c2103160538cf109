//! One conversation: its flows, and which of them reports it.

use mermin_bpf::abi::{key::KeyWords, slot::DIRECTIONS};

use super::sight::{Counted, Sight};
use crate::flow::ObservationPoint;

/// Flows that one conversation has at most.
const MOST: usize = ObservationPoint::MOST;

/// Two interfaces see a packet no further apart than this (ns).
const SLACK: u64 = 1_000_000_000;

/// Fate of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is made, without what another flow has reported before: counts since this flow began, which are zero unless it has just
    /// taken over. `sights` are all flows of the conversation, the first to see it first.
    Reports {
        covered: [Counted; DIRECTIONS],
        sights: Vec<Sight>,
    },
    /// Another flow reports it.
    Suppressed,
}

/// A flow of the conversation.
#[derive(Clone, Debug)]
struct Member {
    slot: u32,
    /// Its key: no two flows have it at once.
    place: KeyWords,
    /// Counts of the conversation when this flow began.
    before: [Counted; DIRECTIONS],
    /// Its counts when another took over from it: as much is still its own to report.
    owes: [Counted; DIRECTIONS],
    /// Its last counts, once it has ended.
    ended: Option<Sight>,
}

impl Member {
    fn is(&self, slot: u32) -> bool {
        self.slot == slot && self.ended.is_none()
    }

    fn sight(&self, read: &impl Fn(u32) -> Sight) -> Sight {
        self.ended.clone().unwrap_or_else(|| read(self.slot))
    }

    /// The flow reports what it owes, if it has not by now. Returns up to where its counts are withheld then, so that as many are
    /// left.
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

/// A flow that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub(super) slot: u32,
    pub(super) place: KeyWords,
    /// Monotonic times of its first packet and the last so far, ns.
    pub(super) first_seen: u64,
    pub(super) last_seen: u64,
}

/// Where a flow that begins belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// In this conversation.
    Here,
    /// In it, in the place of this flow, which has ended.
    InPlaceOf(usize),
    /// In the next conversation between the same ends.
    Apart,
    /// In it, and there is no room.
    Full,
}

/// Flows that are one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    members: Vec<Member>,
    /// The flow that reports, from the first decision on.
    reporter: Option<usize>,
}

impl Group {
    /// Says where a flow belongs that begins. `read` gives what a flow has seen by now.
    pub(super) fn fit(&self, new: &Newcomer, read: &impl Fn(u32) -> Sight) -> Fit {
        let mut sights = self.members.iter().map(|member| member.sight(read));
        let any = sights.any(|sight| {
            sight.last_seen.saturating_add(SLACK) >= new.first_seen
                && new.last_seen.saturating_add(SLACK) >= sight.first_seen
        });
        match self.members.iter().position(|it| it.place == new.place) {
            // The kernel program has found that it is another connection; or all have been silent for as long.
            Some(at) if self.members[at].ended.is_none() || !any => Fit::Apart,
            Some(at) => Fit::InPlaceOf(at),
            None if !any => Fit::Apart,
            None if self.members.len() >= MOST => Fit::Full,
            None => Fit::Here,
        }
    }

    /// Takes a flow up as [`fit`](Self::fit) says.
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

    /// Counts of the conversation when a flow begins: nothing, unless it is much younger than the others.
    fn before(&self, new: &Newcomer, read: &impl Fn(u32) -> Sight) -> [Counted; DIRECTIONS] {
        let mut before = [Counted::default(); DIRECTIONS];
        let mut is_younger = !self.members.is_empty();
        for member in &self.members {
            let sight = member.sight(read);
            is_younger &= new.first_seen > sight.first_seen.saturating_add(SLACK);
            for (side, before) in before.iter_mut().enumerate() {
                *before = before.at_least(member.before[side].plus(sight.sides[side]));
            }
        }
        if is_younger {
            before
        } else {
            Default::default()
        }
    }

    /// A former process reported it by this flow, perhaps until another took over.
    pub(super) fn has_reported(&mut self, slot: u32, read: &impl Fn(u32) -> Sight) {
        let Some(at) = self.members.iter().position(|member| member.is(slot)) else {
            return;
        };
        if *self.reporter.get_or_insert(at) != at {
            self.members[at].owes = read(slot).sides;
        }
    }

    /// Decides about a record of the flow in a slot, which has seen `own` by now, and has told `told` of it.
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

    /// Counts of all flows by now, the first to see the conversation first.
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

    /// The flow reports from now on, unless all that it has seen is what the other has reported. Returns what they share.
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

    /// The flow in a slot has ended, and had seen this. True when none is left that goes on.
    pub(super) fn end(&mut self, slot: u32, own: Sight) -> bool {
        if let Some(member) = self.members.iter_mut().find(|member| member.is(slot)) {
            member.ended = Some(own);
        }
        self.members.iter().all(|member| member.ended.is_some())
    }
}

/// A flow that no other is with.
pub(super) fn alone(own: &Sight) -> Decision {
    Decision::Reports {
        covered: Default::default(),
        sights: vec![own.clone()],
    }
}

/// The flow that is to report: the first to see the conversation, of those that see both ways where any does.
fn first(sights: &[Sight]) -> usize {
    let both = sights.iter().any(Sight::sees_both_ways);
    let mut wanted = (0..sights.len()).filter(|&at| !both || sights[at].sees_both_ways());
    let first = wanted.next().unwrap_or(0);
    wanted.fold(first, |first, at| {
        let earlier = sights[at].first_seen < sights[first].first_seen;
        if earlier { at } else { first }
    })
}

/// True if the one that reports sees the other's packets: lately, and each way that the other does.
fn covers(reporter: &Sight, other: &Sight) -> bool {
    let each_way = reporter
        .sides
        .iter()
        .zip(&other.sides)
        .all(|(its, others)| its.packets != 0 || others.packets == 0);
    each_way && reporter.last_seen.saturating_add(SLACK) >= other.last_seen
}
