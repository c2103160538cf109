//! The ledger of a source's hooks.

use std::collections::BTreeMap;

use mermin_core::report::{HookDirection, HookStats, Stats};

use super::{
    family::{Family, Labels, Number, counter, gauge},
    text::Text,
};

/// Names, direction and reason, with packets and octets of frames.
type Ledger<'a> = BTreeMap<(&'a str, &'static str, &'a str), [u64; 2]>;

/// Packets under this reason move to their flow when the first fragment arrives after the others, so it may decrease.
/// A counter must not: Prometheus reads a decrease as a restart, and counts the whole value as new.
const FALLS: &str = "fragment";

/// Ledgers of hooks, by the family that shows them.
#[derive(Default)]
struct Ledgers<'a> {
    traffic: Ledger<'a>,
    buffers: Ledger<'a>,
    ignored: Ledger<'a>,
    fragments: Ledger<'a>,
}

impl<'a> Ledgers<'a> {
    /// Adds up interfaces with the same name, which may exist for a moment: Prometheus rejects a page with a
    /// duplicate series.
    fn of(hooks: &'a [HookStats]) -> Self {
        let mut ledgers = Self::default();
        for hook in hooks {
            let direction = match hook.direction {
                HookDirection::Ingress => "receive",
                HookDirection::Egress => "transmit",
            };
            let key = |reason| (&*hook.interface, direction, reason);
            let traffic = &hook.traffic;
            add(
                &mut ledgers.traffic,
                key(""),
                [traffic.packets, traffic.frame_octets],
            );
            add(
                &mut ledgers.buffers,
                key(""),
                [traffic.skbs, traffic.skb_octets],
            );
            for found in &hook.ignored {
                let ledger = if found.reason == FALLS {
                    &mut ledgers.fragments
                } else {
                    &mut ledgers.ignored
                };
                add(
                    ledger,
                    key(found.reason),
                    [found.packets, found.frame_octets],
                );
            }
        }
        ledgers
    }
}

pub(super) fn write(stats: &Stats, page: &mut Text) {
    let there = Ledgers::of(&stats.hooks);
    for (ledger, families) in [
        (&there.traffic, TRAFFIC),
        (&there.buffers, BUFFERS),
        (&there.ignored, IGNORED),
        (&there.fragments, FRAGMENTS),
    ] {
        put(page, ledger, families);
    }
    let mut gone = Ledgers::of(&stats.removed_interfaces);
    gone.ignored.append(&mut gone.fragments);
    put(page, &gone.traffic, REMOVED);
    put(page, &gone.ignored, REMOVED_IGNORED);
}

const TRAFFIC: [Family; 2] = [
    counter(
        "mermin_interface_packets",
        "Packets on the wire that crossed the hook of an interface",
    ),
    counter("mermin_interface_frame_bytes", "Octets of their frames"),
];
const BUFFERS: [Family; 2] = [
    counter(
        "mermin_interface_socket_buffers",
        "Socket buffers that crossed the hook, as the interface's own counters count them",
    ),
    counter(
        "mermin_interface_socket_buffer_bytes",
        "Octets of those buffers",
    ),
];
const IGNORED: [Family; 2] = [
    counter("mermin_ignored_packets", "Packets in no record, by reason"),
    counter("mermin_ignored_frame_bytes", "Octets of their frames"),
];
const FRAGMENTS: [Family; 2] = [
    gauge(
        "mermin_ignored_fragment_packets",
        "Fragments in no record; those whose first one comes later are taken back",
    ),
    gauge(
        "mermin_ignored_fragment_frame_bytes",
        "Octets of their frames",
    ),
];
/// When an interface is removed, these increase by all its counts, which is not present traffic. So they are not
/// counters.
const REMOVED: [Family; 2] = [
    gauge(
        "mermin_removed_interface_packets",
        "Packets on the wire of removed interfaces",
    ),
    gauge(
        "mermin_removed_interface_frame_bytes",
        "Octets of their frames",
    ),
];
const REMOVED_IGNORED: [Family; 2] = [
    gauge(
        "mermin_removed_interface_ignored_packets",
        "Packets in no record of removed interfaces, by reason",
    ),
    gauge(
        "mermin_removed_interface_ignored_frame_bytes",
        "Octets of their frames",
    ),
];

fn add<'a>(ledger: &mut Ledger<'a>, key: (&'a str, &'static str, &'a str), more: [u64; 2]) {
    let sums = ledger.entry(key).or_default();
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(more);
    }
}

fn put(page: &mut Text, ledger: &Ledger<'_>, families: [Family; 2]) {
    for (place, family) in families.into_iter().enumerate() {
        let mut samples = page.family(family);
        for ((interface, direction, reason), numbers) in ledger {
            let labels = Labels::default()
                .with("network_interface_name", interface)
                .with("network_io_direction", direction)
                .with("reason", reason);
            let value = Number::Whole(numbers.get(place).copied().unwrap_or(0));
            samples.value(&labels, value);
        }
    }
}
