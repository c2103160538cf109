//! What packets do to flows, and what time does: records come out.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use mermin_bpf::{
    abi::{
        fragment::{FragmentKey, Owner},
        ledger::{Reason, Uncounted},
        tunnel::{Outer, kind},
    },
    track::{
        arrival::{Arrival, Part},
        fragment,
        key::HIGH_TO_LOW,
        measure,
    },
    wire::{ip::Ip, packet},
};

use super::{
    clock::Clock,
    fragments::Fragments,
    shared::{Counts, Hook, ifindex},
    slot::{Facts, Moment, Slot},
    table::{Key, Table},
    timers::Timers,
};
use crate::{
    filter::{Filter, Filters, Standing},
    flow::{EndReason, Flow, FlowId},
    pcap::{
        Interface, Packet,
        link::{Layer, Looking},
    },
    table::{
        Timeouts,
        limits::{Limits, is_over},
        moment,
        record::{Frame, facts, record, untold},
        timeouts::nanoseconds,
        verdict::{Verdict, due, judge},
    },
};

/// The name of an interface that the capture does not name.
const UNNAMED: &str = "pcap";

/// The flows of a capture.
#[derive(Debug)]
pub(super) struct Flows {
    limits: Limits,
    clock: Clock,
    /// Time of the latest packet, ns since 1970: that of packets without one.
    wall: u64,
    table: Table,
    timers: Timers,
    filters: Filters,
    fragments: Fragments,
    looking: Looking,
    epoch: u64,
    serial: u64,
    /// Slots below this were ended when the capture was over.
    emptied: u32,
    /// Records that nobody has taken yet.
    pub(super) out: VecDeque<Flow>,
}

impl Flows {
    /// No flows yet; `epoch` is random, so that ids of two sources differ.
    pub(super) fn new(
        timeouts: Timeouts,
        filter: Filter,
        most: u32,
        epoch: u64,
        looking: Looking,
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
            table: Table::new(most, epoch),
            timers: Timers::default(),
            filters: Filters::new(filter),
            fragments: Fragments::default(),
            looking,
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
        let index = ifindex(packet.interface);
        let read = layer.read(octets, packet.length, index, &self.looking);
        hook(counts, packet.interface, interface).total(read.length);
        let outcome = read.outcome.and_then(|arrival| match &arrival.part {
            Part::Whole(found) | Part::First(found, _) => {
                let captured = Captured {
                    arrival: &arrival,
                    layer,
                    octets,
                    length: read.length,
                };
                self.count(counts, index, found, at, &captured)
            }
            Part::Later(ip, key) => self.count_later(ip, key, &arrival, read.length, at),
        });
        if let Err(reason) = outcome {
            let left = Uncounted {
                packets: 1,
                octets: read.length.into(),
            };
            hook(counts, packet.interface, interface).uncounted(reason, left);
        }
    }

    /// Finds the packet's flow, or begins one, and counts into it.
    fn count(
        &mut self,
        counts: &mut Counts,
        ifindex: u32,
        packet: &packet::Packet,
        at: Moment,
        captured: &Captured<'_>,
    ) -> Result<(), Reason> {
        let (key, direction) = Key::of(packet, ifindex);
        self.leave_word(captured.arrival, packet, &key, direction, at);
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
            self.serial += 1;
            let mac = captured.mac(packet);
            let mut slot = Slot::begin(key.words(), packet, direction, mac, at, self.serial);
            slot.flow.outer = captured.outer(direction);
            slot.standing = self.filters.decide(&facts(
                &slot.flow,
                &name_of(counts, (ifindex as usize).wrapping_sub(1)),
            ));
            let number = self.table.insert(&key, slot)?;
            counts.open = self.table.open();
            number
        };
        let measured = measure::measure(packet, captured.length, 0, 0);
        if let Some(slot) = self.table.get(number)
            && (slot.add(&Facts::of(packet), &measured, direction, at) || known.is_none())
        {
            self.timers.schedule(
                slot,
                number,
                due(&slot.flow.glance(), &slot.entry, &self.limits, 0),
            );
        }
        Ok(())
    }

    /// Leaves word of a first fragment's flow, for the fragments of its own and of those around it.
    fn leave_word(
        &mut self,
        arrival: &Arrival,
        packet: &packet::Packet,
        key: &Key,
        direction: u8,
        at: Moment,
    ) {
        let own = match arrival.part {
            Part::First(_, own) => Some(own),
            Part::Whole(_) | Part::Later(..) => None,
        };
        if own.is_none() && arrival.carriers == [None; 2] {
            return;
        }
        let owner = fragment::owner(packet, &key.words(), direction, at.told);
        if let Some(own) = own {
            self.fragments.insert(own, owner);
        }
        self.carriers(arrival, owner);
    }

    /// The same for the packets around, whose later fragments carry the flow's packets.
    fn carriers(&mut self, arrival: &Arrival, owner: Owner) {
        for key in arrival.carriers.into_iter().flatten() {
            self.fragments.insert(
                key,
                Owner {
                    carries: 1,
                    ..owner
                },
            );
        }
    }

    /// Counts a later fragment into the flow that the first one named.
    fn count_later(
        &mut self,
        ip: &Ip,
        key: &FragmentKey,
        arrival: &Arrival,
        length: u32,
        at: Moment,
    ) -> Result<(), Reason> {
        let owner = self.fragments.find(key, at.told).ok_or(Reason::Fragment)?;
        let number = self.table.find(&Key::of_owner(&owner));
        let slot = number
            .and_then(|number| self.table.get(number))
            .ok_or(Reason::Fragment)?;
        let measured = fragment::measure(ip, &owner, length);
        slot.add(&Facts::of_later(&owner), &measured, owner.direction, at);
        self.carriers(arrival, owner);
        Ok(())
    }

    /// Flows that are open now.
    #[cfg(feature = "test-util")]
    pub(super) fn open(&self) -> impl Iterator<Item = &crate::table::observation::Observation> {
        self.table.flows()
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
            let verdict = judge(&slot.flow.glance(), &slot.entry, &self.limits, moment);
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
                let next = due(&slot.flow.glance(), &slot.entry, &self.limits, earliest);
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
                let reason = if is_over(&slot.flow.glance()) {
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

/// A packet as it was captured.
struct Captured<'a> {
    arrival: &'a Arrival,
    layer: Layer,
    octets: &'a [u8],
    /// Octets of the frame on the wire.
    length: u32,
}

impl Captured<'_> {
    /// The sender by the link header right around the packet.
    fn mac(&self, packet: &packet::Packet) -> [u8; 6] {
        if packet.mac_at == 0 && self.is_inside() {
            return [0; 6];
        }
        self.layer.mac(self.octets, packet.mac_at)
    }

    fn is_inside(&self) -> bool {
        self.arrival
            .outer
            .is_some_and(|outer| outer.facts & kind::MASK != kind::WIREGUARD)
    }

    /// The outer header, as the flow's lower endpoint stands to it.
    fn outer(&self, direction: u8) -> Option<Outer> {
        let mut outer = self.arrival.outer?;
        if outer.mac == [0; 6] {
            outer.mac = self.layer.own_mac(self.octets);
        }
        Some(if direction == HIGH_TO_LOW {
            outer.turned()
        } else {
            outer
        })
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
