//! Counters: the ledger of every hook, and the flows.

use std::{cmp::Reverse, fmt, sync::Arc, time::Duration};

use mermin_bpf::abi::ledger::{self, Reason};

use super::hook::HookDirection;
use crate::words::Counted;

/// Everything that crossed a hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Socket buffers, as the interface's own counters count them.
    pub skbs: u64,
    /// Octets of those buffers, link header included.
    pub skb_octets: u64,
    /// Packets on the wire: each segment of a GSO or GRO super-packet.
    pub packets: u64,
    /// Octets of their frames: link header and padding included, unlike [`Uniflow::octets`](crate::flow::Uniflow::octets).
    pub frame_octets: u64,
}

/// Packets that belong to no flow that was told of, by reason.
///
/// A packet that a [filter](crate::Filter) does not want is under `filtered` from when its record would have been made: at
/// each active timeout and at the flow's end. Until then it is in an open flow, as the packets of a wanted flow are that no
/// record has told yet. It is counted at the hook that the flow's packets of the same direction began to cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uncounted {
    /// Why: `arp`, `table_full`, `filtered`, `malformed_ipv4`, ..
    pub reason: &'static str,
    /// Packets on the wire.
    pub packets: u64,
    /// Octets of their frames.
    pub frame_octets: u64,
}

impl Uncounted {
    /// Packets under a reason.
    #[must_use]
    pub const fn new(reason: &'static str, packets: u64, frame_octets: u64) -> Self {
        Self {
            reason,
            packets,
            frame_octets,
        }
    }
}

/// The ledger of one interface and direction: `traffic` equals the flows' packets and frame octets plus `uncounted`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookStats {
    /// Kernel index of the interface.
    pub index: u32,
    /// Its name.
    pub interface: Arc<str>,
    /// The hook: packets that the interface receives, or those that it sends.
    pub direction: HookDirection,
    /// Everything.
    pub traffic: Traffic,
    /// Packets of it that are in no flow; reasons without packets are left out.
    pub uncounted: Vec<Uncounted>,
}

/// A source's counters since it was opened. Displays as one line for people:
///
/// ```
/// # use mermin_core::Stats;
/// let mut stats = Stats::default();
/// (stats.flows_open, stats.flows_capacity, stats.flows_ended, stats.records) = (1, 65536, 7, 8);
/// (stats.packets, stats.frame_octets) = (90, 12_000);
/// assert_eq!(
///     stats.to_string(),
///     "1 flow open, room for 65536; 7 flows ended, 8 records; 90 packets, 12000 frame bytes"
/// );
/// ```
///
/// Packets in no flow follow by reason: `.., of them in no flow: 2 arp, 1 table_full`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Flows open as of the last sweep (every 100 ms).
    pub flows_open: u64,
    /// Flows at once that there is room for.
    pub flows_capacity: u64,
    /// Flows that ended and whose last record was made, or withheld by the filter.
    pub flows_ended: u64,
    /// Records made and not withheld.
    pub records: u64,
    /// Records that the filter withheld; their packets are under `filtered`.
    pub records_withheld: u64,
    /// Records withheld because another interface reports the conversation ([`Join`](crate::Join)); their packets are under `joined`.
    pub records_joined: u64,
    /// Flows that were not joined with their conversation, because it had 16 already: each is reported by itself.
    pub flows_unjoined: u64,
    /// Packets on the wire over all hooks there are and were.
    pub packets: u64,
    /// Octets of their frames, link header and padding included.
    pub frame_octets: u64,
    /// Sweeps of the table so far.
    pub sweeps: u64,
    /// How long the last sweep took.
    pub last_sweep: Duration,
    /// RCU grace periods waited for so far.
    pub rcu_waits: u64,
    /// How long the last one took.
    pub last_rcu_wait: Duration,
    /// Interfaces that came and went.
    pub interfaces: InterfaceStats,
    /// The ledger of each hook, and of packets whose interface had none any more (index 0).
    pub hooks: Vec<HookStats>,
    /// The sums of the ledgers of interfaces that left, by direction (index 0, no name); none before one did.
    pub departed: Vec<HookStats>,
}

/// Interfaces that came and went since a source was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceStats {
    /// Watched now.
    pub watched: u64,
    /// Times that an interface was attached to.
    pub attached: u64,
    /// How long that took the last time, both hooks. Each hook by TCX takes an RCU grace period of the kernel's.
    pub last_attach: Duration,
    /// Interfaces that left: deleted, or not wanted any more. All their flows were closed.
    pub left: u64,
    /// Interfaces that were wanted and had gone before a program was attached: what crossed them was not counted.
    pub missed: u64,
    /// Programs that somebody else had detached, and that were put back.
    pub put_back: u64,
    /// Times that notifications were lost and the list was read anew; what came and went in between is in no count.
    pub resyncs: u64,
}

impl Stats {
    /// Packets that belong to no flow, over all hooks there are and were, by reason: most packets first.
    #[must_use]
    pub fn uncounted(&self) -> Vec<Uncounted> {
        let mut sum: Vec<Uncounted> = Vec::new();
        for found in self
            .hooks
            .iter()
            .chain(&self.departed)
            .flat_map(|hook| &hook.uncounted)
        {
            match sum.iter_mut().find(|known| known.reason == found.reason) {
                Some(known) => {
                    known.packets += found.packets;
                    known.frame_octets += found.frame_octets;
                }
                None => sum.push(*found),
            }
        }
        sum.sort_by_key(|found| Reverse(found.packets));
        sum
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} open, room for {}; {} ended, {}",
            Counted(self.flows_open, "flow"),
            self.flows_capacity,
            Counted(self.flows_ended, "flow"),
            Counted(self.records, "record"),
        )?;
        if self.records_withheld > 0 {
            write!(f, ", {} withheld", self.records_withheld)?;
        }
        if self.records_joined > 0 {
            write!(f, ", {} joined", self.records_joined)?;
        }
        write!(
            f,
            "; {}, {}",
            Counted(self.packets, "packet"),
            Counted(self.frame_octets, "frame byte"),
        )?;
        for (place, found) in self.uncounted().iter().enumerate() {
            let before = if place == 0 {
                ", of them in no flow:"
            } else {
                ","
            };
            write!(f, "{before} {} {}", found.packets, found.reason)?;
        }
        Ok(())
    }
}

impl Traffic {
    fn of(totals: &ledger::Totals) -> Self {
        Self {
            skbs: totals.skbs,
            skb_octets: totals.skb_octets,
            packets: totals.packets,
            frame_octets: totals.octets,
        }
    }
}

impl HookStats {
    /// A ledger in which nothing is counted, for tests of a program of one's own; set the rest field by field.
    ///
    /// ```
    /// use mermin_core::{Stats, report::{HookDirection, HookStats, Uncounted}};
    ///
    /// let mut hook = HookStats::new(2, "eth0", HookDirection::Ingress);
    /// (hook.traffic.packets, hook.traffic.frame_octets) = (90, 12_000);
    /// hook.uncounted.push(Uncounted::new("arp", 2, 120));
    ///
    /// let mut stats = Stats::default();
    /// stats.hooks.push(hook);
    /// assert_eq!(stats.uncounted(), [Uncounted::new("arp", 2, 120)]);
    /// ```
    #[must_use]
    pub fn new(index: u32, interface: impl Into<Arc<str>>, direction: HookDirection) -> Self {
        Self {
            index,
            interface: interface.into(),
            direction,
            traffic: Traffic::default(),
            uncounted: Vec::new(),
        }
    }

    pub(crate) fn of(
        index: u32,
        interface: Arc<str>,
        direction: HookDirection,
        totals: &ledger::Totals,
        uncounted: &[ledger::Uncounted; ledger::REASON_ROOM],
    ) -> Self {
        let uncounted = Reason::ALL
            .iter()
            .map(|&reason| {
                let found = uncounted[reason as usize];
                Uncounted {
                    reason: reason.name(),
                    packets: found.packets,
                    frame_octets: found.octets,
                }
            })
            .filter(|found| found.packets != 0)
            .collect();
        Self {
            index,
            interface,
            direction,
            traffic: Traffic::of(totals),
            uncounted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_no_flow_is_told_by_reason() {
        let uncounted = |reason, packets| Uncounted {
            reason,
            packets,
            frame_octets: 60,
        };
        let hook = |uncounted| HookStats {
            index: 1,
            interface: "v0".into(),
            direction: HookDirection::Ingress,
            traffic: Traffic::default(),
            uncounted,
        };
        let stats = Stats {
            flows_capacity: 2,
            records_withheld: 1,
            packets: 1,
            hooks: vec![
                hook(vec![uncounted("arp", 2)]),
                hook(vec![uncounted("arp", 1), uncounted("table_full", 4)]),
            ],
            ..Stats::default()
        };
        assert_eq!(
            stats.to_string(),
            "0 flows open, room for 2; 0 flows ended, 0 records, 1 withheld; 1 packet, 0 frame bytes, of them in no \
             flow: 4 table_full, 3 arp"
        );
    }
}
