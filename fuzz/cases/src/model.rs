//! A model of the flow table, as simple as can be: each flow a list of what it has seen, and every flow
//! looked at before every packet.

use std::time::Duration;

use mermin_core::{Timeouts, flow::EndReason};

/// Where the clock of a capture begins, ns.
const BEGIN: u64 = 60_000_000_000;
/// A gap between two packets is no longer than the longest timeout and this, ns.
const LATE: u64 = 10_000_000_000;
/// The beginning of an interval is kept in steps of so many ns.
const STEP: u64 = 1 << 26;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const TCP: u8 = 6;
const SCTP: u8 = 132;
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// A packet between the two ends of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Number of the conversation.
    pub conversation: usize,
    /// IANA protocol number.
    pub protocol: u8,
    /// Sent by its second end.
    pub back: bool,
    /// Port of who sent it.
    pub port: u16,
    /// TCP flags, the type of a chunk of SCTP, or flags of DNS.
    pub flags: u8,
    /// IP octets.
    pub octets: u64,
    /// The sequence number of TCP, or the initiate tag of SCTP.
    pub number: u32,
    /// ns since the packet before.
    pub after: u64,
}

/// Sums of one direction, seen or exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    /// Packets.
    pub packets: u64,
    /// IP octets.
    pub octets: u64,
}

/// A record, as far as the model knows one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Number of the conversation.
    pub conversation: usize,
    /// ns since the capture began.
    pub start: u64,
    /// Number of the record in its flow.
    pub sequence: u64,
    /// ns since the capture began.
    pub end: u64,
    /// Why it was made.
    pub reason: String,
    /// Begun by the second end.
    pub back: bool,
    /// Since the record before: who began it, then the other.
    pub delta: [Sum; 2],
    /// Since the flow began.
    pub total: [Sum; 2],
}

#[derive(Clone, Debug)]
struct Open {
    conversation: usize,
    protocol: u8,
    back: bool,
    flags: [u8; 2],
    /// By which each side opened.
    numbers: [Option<u32>; 2],
    total: [Sum; 2],
    told: [Sum; 2],
    sequence: u64,
    /// ns of the capture.
    start: u64,
    end: u64,
    /// The same on its clock.
    since: u64,
    last: u64,
}

/// The table.
#[derive(Debug)]
pub struct Model {
    timeouts: Timeouts,
    room: usize,
    /// ns since the capture began, and on its clock.
    now: [u64; 2],
    /// No packet came yet.
    fresh: bool,
    open: Vec<Open>,
    /// Records made.
    pub records: Vec<Record>,
    /// Packets that found no room.
    pub refused: u64,
}

impl Model {
    /// An empty table for so many flows.
    #[must_use]
    pub fn new(timeouts: Timeouts, room: usize) -> Self {
        Self {
            timeouts,
            room,
            now: [0, BEGIN],
            fresh: true,
            open: Vec::new(),
            records: Vec::new(),
            refused: 0,
        }
    }

    /// A packet comes.
    pub fn send(&mut self, packet: &Sent) {
        self.now[0] += packet.after;
        // The first packet sets the clock.
        if !std::mem::take(&mut self.fresh) {
            self.now[1] += packet.after.min(longest(&self.timeouts) + LATE);
        }
        self.expire();
        let side = usize::from(packet.back);
        let place = |open: &[Open]| {
            open.iter()
                .position(|flow| flow.conversation == packet.conversation)
        };
        let mut known = place(&self.open);
        if let Some(at) = known
            && self.open[at].gives_way_to(packet)
        {
            let flow = self.open.remove(at);
            self.tell(&flow, EndReason::EndOfFlow);
            known = None;
        }
        let at = match known {
            Some(at) => at,
            None if self.open.len() == self.room => {
                self.refused += 1;
                return;
            }
            None => {
                self.open.push(Open {
                    conversation: packet.conversation,
                    protocol: packet.protocol,
                    // An answer that comes first was asked for by the other end.
                    back: packet.back ^ packet.is_answer(),
                    flags: [0; 2],
                    numbers: [None; 2],
                    total: [Sum::default(); 2],
                    told: [Sum::default(); 2],
                    sequence: 0,
                    start: self.now[0],
                    end: self.now[0],
                    since: self.now[1],
                    last: self.now[1],
                });
                self.open.len() - 1
            }
        };
        let flow = &mut self.open[at];
        flow.total[side].packets += 1;
        flow.total[side].octets += packet.octets;
        flow.flags[side] |= packet.control();
        if packet.control() & SYN != 0 {
            flow.numbers[side].get_or_insert(packet.number);
        }
        [flow.end, flow.last] = self.now;
    }

    /// The capture is over.
    pub fn finish(&mut self) {
        for flow in std::mem::take(&mut self.open) {
            let reason = if flow.is_over() {
                EndReason::EndOfFlow
            } else {
                EndReason::ForcedEnd
            };
            self.tell(&flow, reason);
        }
    }

    /// Whatever is due by now, each flow for itself.
    fn expire(&mut self) {
        for mut flow in std::mem::take(&mut self.open) {
            loop {
                let idle_at = flow.last + nanoseconds(flow.idle(&self.timeouts));
                let report_at = flow.since + nanoseconds(self.timeouts.active);
                if idle_at.min(report_at) > self.now[1] {
                    self.open.push(flow);
                    break;
                }
                if idle_at <= report_at {
                    let reason = if flow.is_over() {
                        EndReason::EndOfFlow
                    } else {
                        EndReason::IdleTimeout
                    };
                    self.tell(&flow, reason);
                    break;
                }
                if flow.told != flow.total {
                    self.tell(&flow, EndReason::ActiveTimeout);
                    flow.told = flow.total;
                    flow.sequence += 1;
                }
                flow.since = report_at / STEP * STEP;
            }
        }
    }

    fn tell(&mut self, flow: &Open, reason: EndReason) {
        let side = usize::from(flow.back);
        let delta = [side, 1 - side].map(|side| Sum {
            packets: flow.total[side].packets - flow.told[side].packets,
            octets: flow.total[side].octets - flow.told[side].octets,
        });
        self.records.push(Record {
            conversation: flow.conversation,
            start: flow.start,
            sequence: flow.sequence,
            end: flow.end,
            reason: format!("{reason:?}"),
            back: flow.back,
            delta,
            total: [side, 1 - side].map(|side| flow.total[side]),
        });
    }
}

impl Sent {
    /// The flags by which TCP says the same of a connection.
    fn control(&self) -> u8 {
        match (self.protocol, self.flags) {
            (TCP, flags) => flags,
            // INIT, its answer, COOKIE ECHO, ABORT and SHUTDOWN COMPLETE.
            (SCTP, 1) => SYN,
            (SCTP, 2) => SYN | ACK,
            (SCTP, 10) => ACK,
            (SCTP, 6 | 14) => RST,
            _ => 0,
        }
    }

    fn is_answer(&self) -> bool {
        match self.protocol {
            TCP | SCTP => self.control() & (SYN | ACK) == SYN | ACK,
            // From port 53, with all of a DNS header.
            UDP => self.port == 53 && self.octets >= 40 && self.flags & 0x80 != 0,
            // The second end of the conversation sends replies.
            ICMP => self.back,
            _ => false,
        }
    }
}

impl Open {
    fn is_over(&self) -> bool {
        let [one, other] = self.flags;
        one & other & FIN != 0 || (one | other) & RST != 0
    }

    /// True if a packet begins another connection.
    fn gives_way_to(&self, packet: &Sent) -> bool {
        if packet.control() & (SYN | ACK | FIN | RST) != SYN {
            return false;
        }
        let [one, other] = self.flags;
        match self.numbers[usize::from(packet.back)] {
            Some(number) if number != packet.number => true,
            Some(_) => (one | other) & RST != 0,
            None => self.is_over(),
        }
    }

    fn idle(&self, timeouts: &Timeouts) -> Duration {
        let flags = self.flags[0] | self.flags[1];
        match self.protocol {
            TCP | SCTP if flags & RST != 0 => timeouts.tcp_rst,
            TCP if self.is_over() => timeouts.tcp_fin,
            TCP if flags & FIN != 0 => timeouts.tcp_half_closed,
            TCP => timeouts.tcp,
            UDP => timeouts.udp,
            ICMP => timeouts.icmp,
            _ => timeouts.other,
        }
    }
}

fn longest(timeouts: &Timeouts) -> u64 {
    let all = [
        timeouts.active,
        timeouts.tcp,
        timeouts.tcp_fin,
        timeouts.tcp_half_closed,
        timeouts.tcp_rst,
        timeouts.udp,
        timeouts.icmp,
        timeouts.other,
    ];
    all.map(nanoseconds).into_iter().fold(0, u64::max)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
