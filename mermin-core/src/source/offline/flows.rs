//! The flows of a capture, which packets and time change.

mod counting;
mod records;

use std::collections::VecDeque;

use super::{
    clock::Clock, fragments::Fragments, listening::ListeningPorts, record_maker::RecordMaker,
    sampler::Sampler, shared::Counts, slot::PacketTime, table::Table, timers::Timers,
};
use crate::{
    filter::{Filter, FilterDecision, Filters},
    flow::{EndReason, Flow},
    join::{Conversations, Join},
    pcap::{Packet, link::ParseOptions},
    source::{
        pages::{Filled, PageRequest},
        sampling::Sampling,
    },
    table::{Timeouts, limits::Limits, timeouts::nanoseconds},
};

/// The flows of a capture.
#[derive(Debug)]
pub(super) struct Flows {
    limits: Limits,
    clock: Clock,
    /// Time of the latest packet, ns since 1970. Packets without a time get this one.
    wall: i64,
    table: Table,
    timers: Timers,
    filters: Filters,
    conversations: Option<Conversations>,
    listening: Option<ListeningPorts>,
    /// TCP segments are analysed.
    analyses: bool,
    /// Octets of a payload that names are read from; none where they are not.
    named_by: Option<usize>,
    fragments: Fragments,
    /// Where flows are sampled.
    sampler: Option<Sampler>,
    options: ParseOptions,
    epoch: u64,
    serial: u64,
    /// Slots below this one were ended at the end of the capture.
    emptied: u32,
    /// Records that the consumer has not taken.
    pub(super) out: VecDeque<Flow>,
}

impl Flows {
    /// Makes an empty table. `epoch` is random, so that ids of two sources differ.
    pub(super) fn new(
        timeouts: Timeouts,
        filter: Filter,
        most: u32,
        epoch: u64,
        options: ParseOptions,
    ) -> Self {
        let longest = timeouts
            .named()
            .iter()
            .map(|&(_, timeout)| nanoseconds(timeout))
            .fold(0, u64::max);
        Self {
            limits: timeouts.into(),
            clock: Clock::new(longest),
            wall: 0,
            table: Table::new(most, epoch, options.keyed),
            timers: Timers::default(),
            filters: Filters::new(filter),
            conversations: None,
            listening: None,
            analyses: false,
            named_by: None,
            fragments: Fragments::default(),
            sampler: None,
            options,
            epoch,
            serial: 0,
            emptied: 0,
            out: VecDeque::new(),
        }
    }

    /// Joins conversations that several interfaces see.
    pub(super) fn joined(self, join: Join) -> Self {
        Self {
            conversations: Conversations::new(join),
            ..self
        }
    }

    /// Uses ports that answered a connection to decide directions.
    pub(super) fn listening(self, is_wanted: bool) -> Self {
        Self {
            listening: is_wanted.then(ListeningPorts::default),
            ..self
        }
    }

    /// Analyses TCP segments if `analyses`.
    pub(super) fn analysing(self, analyses: bool) -> Self {
        Self { analyses, ..self }
    }

    /// Has names read from so many octets of the first payloads.
    pub(super) fn named(self, octets: Option<usize>) -> Self {
        Self {
            named_by: octets,
            ..self
        }
    }

    /// Samples flows.
    pub(super) fn sampled(self, sampling: Option<&Sampling>) -> Self {
        let capacity = self.table.capacity();
        Self {
            sampler: sampling.map(|sampling| Sampler::new(sampling, capacity, self.epoch)),
            ..self
        }
    }

    /// Where flows are sampled, one of 2 to the power of this number is kept.
    pub(super) fn sampling_shift(&self) -> Option<u8> {
        self.sampler.as_ref().map(Sampler::shift)
    }

    /// Returns the time of a packet, and advances the clock to it. Another call with the same packet returns the same
    /// time.
    pub(super) fn moment(&mut self, packet: &Packet) -> PacketTime {
        self.wall = packet.time.map_or(self.wall, |time| time.at);
        PacketTime {
            clock: self.clock.advance(self.wall),
            wall: packet.time,
        }
    }

    /// Advances the clock to this time (ns since 1970); no earlier packet follows.
    pub(super) fn pass(&mut self, until: i64) {
        if until > self.wall {
            self.clock.advance(until);
        }
    }

    /// Time until the next flow is due, in ns; `None` if there is no flow.
    pub(super) fn idle_for(&self) -> Option<u64> {
        Some(self.timers.next()?.saturating_sub(self.clock.now()))
    }

    /// Open flows.
    #[cfg(feature = "__lab")]
    pub(super) fn open(&self) -> impl Iterator<Item = &crate::table::snapshot::FlowSnapshot> {
        self.table.flows()
    }

    /// Fills a page of open flows.
    pub(super) fn fill(&self, counts: &Counts, request: PageRequest) -> Filled {
        let records = self.records(self.clock.now());
        request.fill(self.table.touched(), |number| {
            let slot = self.table.slot(number)?;
            (slot.decision != FilterDecision::UNWANTED)
                .then(|| records.record(slot, number, EndReason::ActiveTimeout, counts))
        })
    }

    fn records(&self, now: u64) -> RecordMaker<'_> {
        RecordMaker {
            filters: &self.filters,
            listening: self.listening.as_ref(),
            epoch: self.epoch,
            now,
        }
    }
}
