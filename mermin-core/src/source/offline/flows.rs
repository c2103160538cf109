//! What packets do to flows, and what time does: records come out.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use mermin_bpf::{
    abi::ledger::{Reason, Uncounted},
    track::measure::{self, Measure},
    wire::packet,
};

use super::{
    clock::Clock,
    shared::{Counts, Hook, ifindex},
    slot::{Moment, Slot},
    table::{Key, Table},
    timers::Timers,
};
use crate::{
    filter::{Filter, Filters, Standing},
    flow::{EndReason, Flow, FlowId},
    pcap::{Interface, Packet, link::Layer},
    table::{
        Timeouts, moment,
        record::{Frame, facts, record, untold},
        timeouts::{is_over, nanoseconds},
        verdict::{Verdict, due, judge},
    },
};

/// The name of an interface that the capture does not name.
const UNNAMED: &str = "pcap";

/// The flows of a capture.
#[derive(Debug)]
pub(super) struct Flows {
    timeouts: Timeouts,
    clock: Clock,
    /// Time of the latest packet, ns since 1970: that of packets without one.
    wall: u64,
    table: Table,
    timers: Timers,
    filters: Filters,
    epoch: u64,
    serial: u64,
    /// Slots below this were ended when the capture was over.
    emptied: u32,
    /// Records that nobody has taken yet.
    pub(super) out: VecDeque<Flow>,
}

impl Flows {
    /// No flows yet; `epoch` is random, so that ids of two sources differ.
    pub(super) fn new(timeouts: Timeouts, filter: Filter, most: u32, epoch: u64) -> Self {
        let longest = timeouts
            .named()
            .iter()
            .map(|&(_, timeout)| nanoseconds(timeout))
            .fold(0, u64::max);
        Self {
            timeouts,
            clock: Clock::new(longest),
            wall: 0,
            table: Table::new(most, epoch),
            timers: Timers::default(),
            filters: Filters::new(filter),
            epoch,
            serial: 0,
            emptied: 0,
            out: VecDeque::new(),
        }
    }

    /// When a packet came; the clock moves on to it. Asked again, it says the same.
    pub(super) fn moment(&mut self, packet: &Packet) -> Moment {
        self.wall = packet.time.unwrap_or(self.wall);
        Moment {
            told: self.clock.tell(self.wall),
            wall: self.wall,
        }
    }

    /// Counts a packet, of which everything before has expired: in the ledger, and in a flow or under a reason.
    pub(super) fn packet(
        &mut self,
        counts: &mut Counts,
        interface: &Interface,
        packet: &Packet,
        at: Moment,
        octets: &[u8],
    ) {
        let Some(layer) = interface.layer else {
            return;
        };
        let read = layer.read(octets, packet.length);
        hook(counts, packet.interface, interface).total(read.length);
        let (outcome, measured) = match read.outcome {
            Ok(found) => {
                let measured = measure::measure(&found, read.length, 0, 0);
                let place = packet.interface;
                let counted = self.count(counts, place, &found, &measured, at, (layer, octets));
                (counted, measured)
            }
            Err(reason) => {
                let measured = Measure {
                    packets: 1,
                    octets: 0,
                    frame_octets: u64::from(read.length),
                };
                (Err(reason), measured)
            }
        };
        if let Err(reason) = outcome {
            let left = Uncounted {
                packets: measured.packets,
                octets: measured.frame_octets,
            };
            hook(counts, packet.interface, interface).uncounted(reason, left);
        }
    }

    /// Finds the packet's flow, or begins one, and counts into it.
    fn count(
        &mut self,
        counts: &mut Counts,
        place: usize,
        packet: &packet::Packet,
        measured: &Measure,
        at: Moment,
        captured: (Layer, &[u8]),
    ) -> Result<(), Reason> {
        let (key, direction) = Key::of(packet, ifindex(place));
        let mut known = self.table.find(&key);
        if let Some(number) = known
            && self
                .table
                .get(number)
                .is_some_and(|slot| slot.restarts(packet))
        {
            self.end(counts, number, EndReason::EndOfFlow);
            known = None;
        }
        let number = if let Some(number) = known {
            number
        } else {
            let (layer, octets) = captured;
            self.serial += 1;
            let mac = layer.mac(octets);
            let mut slot = Slot::begin(key.words(), packet, direction, mac, at, self.serial);
            slot.standing = self
                .filters
                .decide(&facts(&slot.flow, &name_of(counts, place)));
            let number = self.table.insert(&key, slot)?;
            counts.open = self.table.open();
            number
        };
        if let Some(slot) = self.table.get(number)
            && (slot.add(packet, measured, direction, at) || known.is_none())
        {
            self.timers.schedule(
                slot,
                number,
                due(&slot.flow, &slot.entry, &self.timeouts, 0),
            );
        }
        Ok(())
    }

    /// Makes the records that are due by now, in the order in which they are, until so many wait. `true` when none is left.
    pub(super) fn expire(&mut self, counts: &mut Counts, records: usize) -> bool {
        while self.out.len() < records {
            let Some((moment, number)) = self.timers.pop(self.clock.now()) else {
                return true;
            };
            let Some(slot) = self.table.get(number).filter(|slot| slot.due == moment) else {
                continue;
            };
            // Judged as of then, so that what happens to a flow does not depend on when other flows have packets.
            let verdict = judge(&slot.flow, &slot.entry, &self.timeouts, moment);
            let mut earliest = moment + 1;
            match verdict {
                Verdict::Keep(_) => {}
                Verdict::Report => {
                    // Entries know time in steps: the next report is not in this one again.
                    earliest = moment.saturating_add(moment::STEP);
                    if slot.entry.untold(&slot.flow) == 0 {
                        slot.entry.since = moment::Moment::at(moment);
                    } else {
                        self.report(counts, number, moment);
                    }
                }
                Verdict::Close(reason) => {
                    self.end(counts, number, reason);
                    continue;
                }
            }
            if let Some(slot) = self.table.get(number) {
                let next = due(&slot.flow, &slot.entry, &self.timeouts, earliest);
                self.timers.schedule(slot, number, next);
            }
        }
        false
    }

    /// Makes a record of a flow that goes on.
    fn report(&mut self, counts: &mut Counts, number: u32, now: u64) {
        let Some(slot) = self.table.get(number) else {
            return;
        };
        let teller = Teller {
            filters: &self.filters,
            epoch: self.epoch,
            now,
        };
        let flow = teller.tell(slot, number, EndReason::ActiveTimeout, counts);
        slot.entry.told(&slot.flow, now);
        slot.want_samples();
        self.out.extend(flow);
    }

    /// Makes a flow's last record.
    fn end(&mut self, counts: &mut Counts, number: u32, reason: EndReason) {
        if let Some(slot) = self.table.remove(number) {
            let teller = Teller {
                filters: &self.filters,
                epoch: self.epoch,
                now: self.clock.now(),
            };
            self.out.extend(teller.tell(&slot, number, reason, counts));
            self.filters.ended(slot.standing);
            counts.ended += 1;
            counts.open = self.table.open();
        }
    }

    /// Ends flows that are still open, until so many records are made. `true` when none is left.
    pub(super) fn empty(&mut self, counts: &mut Counts, records: usize) -> bool {
        while self.emptied < self.table.touched() {
            if self.out.len() >= records {
                return false;
            }
            let number = self.emptied;
            self.emptied += 1;
            if let Some(slot) = self.table.get(number) {
                let reason = if is_over(&slot.flow) {
                    EndReason::EndOfFlow
                } else {
                    EndReason::ForcedEnd
                };
                self.end(counts, number, reason);
            }
        }
        true
    }
}

/// What makes records, or withholds them.
struct Teller<'a> {
    filters: &'a Filters,
    epoch: u64,
    now: u64,
}

impl Teller<'_> {
    /// A flow's record, with the capture's own dates, which may have gone back. One that is not wanted goes to the ledger.
    fn tell(
        &self,
        slot: &Slot,
        number: u32,
        reason: EndReason,
        counts: &mut Counts,
    ) -> Option<Flow> {
        let place = (slot.flow.tail().ifindex as usize).wrapping_sub(1);
        if slot.standing != Standing::UNWANTED {
            let name = name_of(counts, place);
            let frame = Frame {
                epoch: self.epoch,
                monotonic: self.now,
                wall: 0,
            };
            let mut flow = record(number, &slot.flow, &slot.entry, reason, &name, &frame);
            // A slot may be used twice within the same time stamp; the number of the flow is its own.
            flow.id = FlowId::from_u128(u128::from(self.epoch) << 64 | u128::from(slot.serial));
            flow.start = UNIX_EPOCH + Duration::from_nanos(slot.started);
            flow.end = UNIX_EPOCH + Duration::from_nanos(slot.ended);
            if self.filters.admit(slot.standing, &flow) {
                return Some(flow);
            }
        }
        counts.withheld += 1;
        if let Some(Some(hook)) = counts.hooks.get_mut(place) {
            for (side, told) in slot.flow.sides.iter().zip(&slot.entry.told) {
                hook.uncounted(Reason::Filtered, untold(side, told, slot.flow.link_length));
            }
        }
        None
    }
}

/// The name of the interface at a place in the capture.
fn name_of(counts: &Counts, place: usize) -> Arc<str> {
    match counts.hooks.get(place) {
        Some(Some(hook)) => Arc::clone(&hook.name),
        _ => Arc::from(UNNAMED),
    }
}

/// The ledger of an interface, from its first packet on.
fn hook<'a>(counts: &'a mut Counts, place: usize, interface: &Interface) -> &'a mut Hook {
    if counts.hooks.len() <= place {
        counts.hooks.resize_with(place + 1, || None);
    }
    counts.hooks[place].get_or_insert_with(|| Hook {
        name: Arc::from(interface.name.as_deref().unwrap_or(UNNAMED)),
        account: Box::default(),
    })
}
