//! The records at the receiver, flow by flow, each record once.

use std::collections::{HashMap, HashSet};

use crate::sender::{
    SHORT_PORT, STEADY, STEADY_PORT, flow_at, packets_of, steady_at, steady_packets_of,
};

/// If a record has the name of the pod that sent its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    No,
    Right,
    Wrong,
}

/// The parts of a record that are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// A hash of `flow.id`.
    pub(crate) id: u64,
    pub(crate) pod: u32,
    pub(crate) sequence: u32,
    pub(crate) packets: u32,
    pub(crate) port: u16,
    pub(crate) to_port: u16,
    pub(crate) named: Named,
}

impl Record {
    /// Returns a hash of id and sequence; never 0.
    fn tag(&self) -> u32 {
        let mixed = (self.id ^ u64::from(self.sequence)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        u32::try_from(mixed >> 32).unwrap().max(1)
    }
}

/// The first record of a short flow, and the packets of all.
#[derive(Clone, Copy, Debug, Default)]
struct Short {
    tag: u32,
    packets: u32,
}

/// Counts of all records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    short: Vec<Short>,
    /// Further records of short flows.
    further: HashMap<u64, Vec<u32>>,
    steady: HashSet<(u64, u32)>,
    /// Packets of each steady flow.
    steady_each: Vec<u64>,
    pub(crate) records: u64,
    /// Records of a flow and sequence that were there.
    pub(crate) repeated: u64,
    pub(crate) steady_packets: u64,
    pub(crate) short_packets: u64,
    /// New records with the name of their pod, without one, and with another's.
    pub(crate) named: u64,
    pub(crate) unnamed: u64,
    pub(crate) misnamed: u64,
    /// Records of no flow that was sent.
    pub(crate) strange: u64,
}

/// Flows of one kind as they were sent, beside those at the receiver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Flows with as many packets as were sent.
    pub(crate) whole: u64,
    /// Flows without a record.
    pub(crate) absent: u64,
    /// Flows with fewer packets than were sent, those without a record included.
    pub(crate) lacking: u64,
    pub(crate) lacking_packets: u64,
    /// Flows with more packets than were sent.
    pub(crate) doubled: u64,
}

impl Compared {
    fn add(&mut self, packets: u64, wanted: u64) {
        self.whole += u64::from(packets == wanted);
        self.absent += u64::from(packets == 0);
        self.lacking += u64::from(packets < wanted);
        self.lacking_packets += wanted.saturating_sub(packets);
        self.doubled += u64::from(packets > wanted);
    }
}

impl Tally {
    pub(crate) fn add(&mut self, record: &Record) {
        self.records += 1;
        let is_new = match record.to_port {
            SHORT_PORT => match flow_at(record.pod, record.port) {
                Some(flow) => self.add_short(flow, record),
                None => None,
            },
            STEADY_PORT => {
                steady_at(record.pod, record.port).map(|pod| self.add_steady(pod, record))
            }
            _ => None,
        };
        match is_new {
            None => self.strange += 1,
            Some(false) => self.repeated += 1,
            Some(true) => match record.named {
                Named::Right => self.named += 1,
                Named::No => self.unnamed += 1,
                Named::Wrong => self.misnamed += 1,
            },
        }
    }

    /// Returns true if the record is new. `None` if its address is that of no pod.
    fn add_short(&mut self, flow: u64, record: &Record) -> Option<bool> {
        if record.pod == u32::MAX {
            return None;
        }
        let at = usize::try_from(flow).unwrap();
        if self.short.len() <= at {
            self.short.resize(at + 1, Short::default());
        }
        let (short, tag) = (&mut self.short[at], record.tag());
        if short.tag == tag {
            return Some(false);
        }
        if short.tag == 0 {
            short.tag = tag;
        } else {
            let further = self.further.entry(flow).or_default();
            if further.contains(&tag) {
                return Some(false);
            }
            further.push(tag);
        }
        short.packets += record.packets;
        self.short_packets += u64::from(record.packets);
        Some(true)
    }

    /// Returns true if the record is new.
    fn add_steady(&mut self, pod: u32, record: &Record) -> bool {
        let is_new = self.steady.insert((record.id, record.sequence));
        if is_new {
            self.steady_each.resize(STEADY as usize, 0);
            self.steady_each[pod as usize] += u64::from(record.packets);
            self.steady_packets += u64::from(record.packets);
        }
        is_new
    }

    /// Returns the short flows with more than one record.
    pub(crate) fn split(&self) -> usize {
        self.further.len()
    }

    /// Compares the steady flows with this many packets, sent in turn.
    pub(crate) fn compare_steady(&self, sent: u64) -> Compared {
        let mut compared = Compared::default();
        for pod in 0..STEADY {
            let packets = self.steady_each.get(pod as usize).copied().unwrap_or(0);
            compared.add(packets, steady_packets_of(pod, sent));
        }
        compared
    }

    /// Compares with this many short flows.
    pub(crate) fn compare_short(&self, sent: u64) -> Compared {
        let mut compared = Compared::default();
        let nothing = Short::default();
        for flow in 0..sent.max(self.short.len() as u64) {
            let at = usize::try_from(flow).unwrap();
            let short = self.short.get(at).unwrap_or(&nothing);
            let wanted = if flow < sent { packets_of(flow) } else { 0 };
            compared.add(short.packets.into(), wanted);
        }
        compared
    }
}
