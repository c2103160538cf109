//! Counters of hooks and of flows.

use std::{cmp::Reverse, fmt, sync::Arc, time::Duration};

use mermin_bpf::abi::ledger::{self, Reason};

use super::hook::HookDirection;
use crate::{flow::Dropped, plural::Plural};

/// Everything that crossed a hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Traffic {
    /// Socket buffers, as the interface's own counters count them.
    pub skbs: u64,
    /// Octets of these socket buffers, link header included.
    pub skb_octets: u64,
    /// Packets on the wire: each segment of a GSO or GRO super-packet.
    pub packets: u64,
    /// Octets of their frames: link header and padding included, unlike [`Uniflow::octets`](crate::flow::Uniflow::octets).
    pub frame_octets: u64,
}

/// Packets that no flow record accounts for, by reason.
///
/// Packets of flows that a [filter](crate::Filter) rejects are added to `filtered` at each active timeout and at the
/// end of the flow. All packets of one direction are counted at one hook: the hook of that direction's first packet after
/// the last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ignored {
    /// The reason: `arp`, `table_full`, `filtered`, `malformed_ipv4`, ..
    pub reason: &'static str,
    /// Packets on the wire.
    pub packets: u64,
    /// Octets of their frames.
    pub frame_octets: u64,
}

impl Ignored {
    /// Creates an entry for packets under a reason.
    #[must_use]
    pub const fn new(reason: &'static str, packets: u64, frame_octets: u64) -> Self {
        Self {
            reason,
            packets,
            frame_octets,
        }
    }
}

/// The counters of one hook: an interface and a direction. The packets and frame octets of flows plus `ignored` always
/// add up to `traffic` over both hooks of the interface. Of a rejected flow, some packets of one direction may cross the
/// ingress hook and others the egress hook: [`Ignored`] says at which of the two `filtered` counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct HookStats {
    /// Kernel index of the interface.
    pub index: u32,
    /// Its name.
    pub interface: Arc<str>,
    /// The hook: ingress (received packets) or egress (sent packets).
    pub direction: HookDirection,
    /// Everything that crossed the hook.
    pub traffic: Traffic,
    /// Packets that no record accounts for, one entry for each reason with packets.
    pub ignored: Vec<Ignored>,
}

/// Counters of a source since it was opened. If it took over a pinned instance, the counters of hooks continue.
/// `Display` prints one line for people:
///
/// ```
/// # use mermin_core::Stats;
/// let mut stats = Stats::default();
/// (stats.flows_open, stats.flows_capacity, stats.flows_ended, stats.records) = (1, 65536, 7, 8);
/// (stats.packets, stats.frame_octets) = (90, 12_000);
/// assert_eq!(
///     stats.to_string(),
///     "1 flow open, room for 65536; 7 flows ended, 8 records; 90 packets, 12000 frame octets"
/// );
/// ```
///
/// After that come the packets that are in no record, by reason: `.., of them in no record: 2 arp, 1 table_full`.
///
/// With the feature `serde`, keys are the names of fields. Durations are nanoseconds, and their names end in `_ns`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Stats {
    /// Flows open at the latest sweep. A sweep runs every 100 ms, or less often if it takes long in a large table.
    pub flows_open: u64,
    /// Number of flows that can be open at once.
    pub flows_capacity: u64,
    /// Flows that ended. Their last record was made or suppressed.
    pub flows_ended: u64,
    /// Records made, without suppressed ones.
    pub records: u64,
    /// Records that the filter suppressed. Their packets are under `filtered`.
    pub records_filtered: u64,
    /// Records suppressed because another interface reports the conversation ([`Join`](crate::Join)). Their packets
    /// are under `joined`.
    pub records_joined: u64,
    /// Flows that were not joined, because their conversation already had 16 flows. Each has its own records.
    pub flows_unjoined: u64,
    /// Flows whose look-up is incomplete, because too many other flows waited
    /// ([`process`](crate::FlowSourceBuilder::process), [`listening_ports`](crate::FlowSourceBuilder::listening_ports),
    /// [`nat`](crate::FlowSourceBuilder::nat)). Some ended before their turn. For others (`process`), the first look-up found no process, and there was no room for a
    /// second one.
    pub lookups_missed: u64,
    /// Payloads that were read for [`names`](crate::FlowSourceBuilder::names).
    pub payloads: PayloadStats,
    /// Packets that the kernel dropped and that are in no record ([`drops`](crate::FlowSourceBuilder::drops)).
    pub drops: DropStats,
    /// The sampling interval: one flow of so many is kept. 1 while all flows are kept, 0 without
    /// [sampling](crate::FlowSourceBuilder::sampling).
    pub sampling_interval: u64,
    /// Packets on the wire, over all hooks and those of removed interfaces.
    pub packets: u64,
    /// Octets of their frames, link header and padding included.
    pub frame_octets: u64,
    /// Octets read from a capture file, counted before decompression. Compare it with the file's length to show
    /// progress. 0 for a source that reads no capture.
    pub capture_octets_read: u64,
    /// Sweeps of the table so far.
    pub sweeps: u64,
    /// Duration of the latest sweep and the work around it: sections, last records, hints, queue.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "last_sweep_ns", with = "super::exchange::nanoseconds")
    )]
    pub last_sweep: Duration,
    /// RCU grace periods that passed before flows were closed. Those of attaching and detaching are not counted.
    pub rcu_waits: u64,
    /// Duration of the latest of these waits.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "last_rcu_wait_ns", with = "super::exchange::nanoseconds")
    )]
    pub last_rcu_wait: Duration,
    /// Counts of attached and detached interfaces.
    pub interfaces: InterfaceStats,
    /// Counters of each hook. Index 0 has packets that arrived after their interface was unregistered.
    pub hooks: Vec<HookStats>,
    /// Sums over removed interfaces, by direction (index 0, no name). Empty until an interface is removed.
    pub removed_interfaces: Vec<HookStats>,
}

/// Packets that the kernel reported as dropped in the watched network namespace, and that no record has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct DropStats {
    /// Packets whose flow was not found in the table, by the kernel's reason, most packets first. Examples: a packet at
    /// an interface that is not watched, a later fragment, a packet with translated addresses.
    pub without_flow: Vec<Dropped>,
    /// Packets that are in no record, because the filter or [`Join`](crate::Join) suppressed their flow's record.
    pub suppressed: u64,
    /// Packets that the kernel delivered and then freed as if it dropped them: the last segments of TCP connections, and answers to the
    /// pings of raw sockets.
    pub taken: u64,
    /// Packets whose network namespace could not be determined.
    pub unplaced: u64,
    /// Packets that were not looked at, because the kernel dropped them while the program that counts drops was running on the same CPU.
    pub missed: u64,
}

/// Counts of payloads that were read for names since a source was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct PayloadStats {
    /// Sections of payloads that were read, 256 octets each at most.
    pub read: u64,
    /// Sections that were not read, because the kernel program found no room for them, or because their flow had ended. Names may be
    /// missing.
    pub lost: u64,
    /// Messages that end behind the octets that were read. Names may be missing.
    pub cut: u64,
    /// Messages that are invalid in their protocol, or belong to another protocol.
    pub malformed: u64,
}

/// Counts of interfaces since a source was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct InterfaceStats {
    /// Interfaces that are watched now.
    pub watched: u64,
    /// Interfaces that the source attached to.
    pub attached: u64,
    /// Duration of the latest attach, both hooks. With TCX, each hook takes an RCU grace period of the kernel.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "last_attach_ns", with = "super::exchange::nanoseconds")
    )]
    pub last_attach: Duration,
    /// Interfaces that the source detached from, because they were deleted or are no longer selected. All their flows
    /// were closed.
    pub detached: u64,
    /// Selected interfaces that disappeared before a program was attached. Their packets were not counted.
    pub missed: u64,
    /// Programs that the source attached again, because another process had detached them.
    pub reattached: u64,
    /// Times that the kernel lost notifications of interfaces (`ENOBUFS`), and the source read the list of interfaces
    /// again. Packets of interfaces that appeared and disappeared in between are not counted, and `missed` does not
    /// count these interfaces.
    pub resyncs: u64,
}

impl Stats {
    /// Returns packets in no record by reason, over all hooks and removed interfaces, most packets first.
    ///
    /// ```
    /// # let stats = mermin_core::Stats::default();
    /// for it in stats.ignored() {
    ///     println!("{} packets are in no record, {}: {}", it.packets, it.reason, it.meaning());
    /// }
    /// ```
    #[must_use]
    pub fn ignored(&self) -> Vec<Ignored> {
        let mut sum: Vec<Ignored> = Vec::new();
        for found in self
            .hooks
            .iter()
            .chain(&self.removed_interfaces)
            .flat_map(|hook| &hook.ignored)
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
            Plural(self.flows_open, "flow"),
            self.flows_capacity,
            Plural(self.flows_ended, "flow"),
            Plural(self.records, "record"),
        )?;
        if self.records_filtered > 0 {
            write!(f, ", {} filtered", self.records_filtered)?;
        }
        if self.records_joined > 0 {
            write!(f, ", {} joined", self.records_joined)?;
        }
        write!(
            f,
            "; {}, {}",
            Plural(self.packets, "packet"),
            Plural(self.frame_octets, "frame octet"),
        )?;
        for (place, found) in self.ignored().iter().enumerate() {
            let before = if place == 0 {
                ", of them in no record:"
            } else {
                ","
            };
            write!(f, "{before} {} {}", found.packets, found.reason)?;
        }
        self.payloads.fmt_missing_names(f)
    }
}

impl PayloadStats {
    /// Writes the counts of payloads from which names may be missing, if there are any.
    fn fmt_missing_names(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.lost, "lost"),
            (self.cut, "cut"),
            (self.malformed, "malformed"),
        ];
        let mut before = "; payloads whose names may be missing:";
        for (count, name) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{before} {count} {name}")?;
            before = ",";
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
    /// Creates counters of zero, for tests of your own program. Set the other fields directly.
    ///
    /// ```
    /// use mermin_core::{Stats, report::{HookDirection, HookStats, Ignored}};
    ///
    /// let mut hook = HookStats::new(2, "eth0", HookDirection::Ingress);
    /// (hook.traffic.packets, hook.traffic.frame_octets) = (90, 12_000);
    /// hook.ignored.push(Ignored::new("arp", 2, 120));
    ///
    /// let mut stats = Stats::default();
    /// stats.hooks.push(hook);
    /// assert_eq!(stats.ignored(), [Ignored::new("arp", 2, 120)]);
    /// ```
    #[must_use]
    pub fn new(index: u32, interface: impl Into<Arc<str>>, direction: HookDirection) -> Self {
        Self {
            index,
            interface: interface.into(),
            direction,
            traffic: Traffic::default(),
            ignored: Vec::new(),
        }
    }

    pub(crate) fn of(
        index: u32,
        interface: Arc<str>,
        direction: HookDirection,
        totals: &ledger::Totals,
        ignored: &[ledger::Ignored; ledger::REASON_ROOM],
    ) -> Self {
        let ignored = Reason::ALL
            .iter()
            .map(|&reason| {
                let found = ignored[reason as usize];
                Ignored {
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
            ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_packets_are_counted_by_reason() {
        let ignored = |reason, packets| Ignored {
            reason,
            packets,
            frame_octets: 60,
        };
        let hook = |ignored| HookStats {
            index: 1,
            interface: "v0".into(),
            direction: HookDirection::Ingress,
            traffic: Traffic::default(),
            ignored,
        };
        let stats = Stats {
            flows_capacity: 2,
            records_filtered: 1,
            packets: 1,
            hooks: vec![
                hook(vec![ignored("arp", 2)]),
                hook(vec![ignored("arp", 1), ignored("table_full", 4)]),
            ],
            ..Stats::default()
        };
        assert_eq!(
            stats.to_string(),
            "0 flows open, room for 2; 0 flows ended, 0 records, 1 filtered; 1 packet, 0 frame octets, of them in no \
             record: 4 table_full, 3 arp"
        );
    }
}
