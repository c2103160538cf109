//! The records at the receiver, flow by flow, each record once.

use std::collections::{HashMap, HashSet};

use crate::sender::{SHORT_PORT, STEADY_PORT, flow_at, packets_of};

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
    pub(crate) records: u64,
    /// Records of a flow and sequence that were there.
    pub(crate) repeated: u64,
    pub(crate) steady_packets: u64,
    pub(crate) short_packets: u64,
    pub(crate) unnamed: u64,
    pub(crate) misnamed: u64,
    /// Records of no flow that was sent.
    pub(crate) strange: u64,
}

/// Short flows as they were sent, beside those at the receiver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) whole: u64,
    /// Flows without a record.
    pub(crate) absent: u64,
    /// Flows with fewer packets than were sent, those without a record included.
    pub(crate) lacking: u64,
    pub(crate) lacking_packets: u64,
    /// Flows with more packets than were sent.
    pub(crate) doubled: u64,
    /// Flows with more than one record.
    pub(crate) split: u64,
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
                let is_new = self.steady.insert((record.id, record.sequence));
                if is_new {
                    self.steady_packets += u64::from(record.packets);
                }
                Some(is_new)
            }
            _ => None,
        };
        match is_new {
            None => self.strange += 1,
            Some(false) => self.repeated += 1,
            Some(true) => match record.named {
                Named::Right => {}
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

    /// Compares with this many short flows.
    pub(crate) fn compare(&self, sent: u64) -> Compared {
        let mut compared = Compared {
            split: self.further.len() as u64,
            ..Compared::default()
        };
        let nothing = Short::default();
        for flow in 0..sent.max(self.short.len() as u64) {
            let at = usize::try_from(flow).unwrap();
            let short = self.short.get(at).unwrap_or(&nothing);
            let wanted = if flow < sent { packets_of(flow) } else { 0 };
            let packets = u64::from(short.packets);
            compared.whole += u64::from(packets == wanted);
            compared.absent += u64::from(short.tag == 0);
            compared.lacking += u64::from(packets < wanted);
            compared.lacking_packets += wanted.saturating_sub(packets);
            compared.doubled += u64::from(packets > wanted);
        }
        compared
    }
}
