//! Metrics of a source's statistics.

use mermin_core::Stats;

use super::{
    family::{Family, Labels, Number, counter, gauge},
    text::Text,
};

type Of = fn(&Stats) -> Number;

const STATS: [(Family, Of); 26] = [
    (
        gauge(
            "mermin_source_open_flows",
            "Flows open as of the latest sweep",
        ),
        |it| Number::Whole(it.flows_open),
    ),
    (
        gauge(
            "mermin_source_flow_capacity",
            "Flows at once that there is room for",
        ),
        |it| Number::Whole(it.flows_capacity),
    ),
    (
        gauge(
            "mermin_source_sampling_interval",
            "One of so many new flows is kept; 0 without sampling",
        ),
        |it| Number::Whole(it.sampling_interval),
    ),
    (
        counter(
            "mermin_source_ended_flows",
            "Flows that ended and whose last record was made or suppressed",
        ),
        |it| Number::Whole(it.flows_ended),
    ),
    (
        counter(
            "mermin_source_records",
            "Records made, without suppressed ones",
        ),
        |it| Number::Whole(it.records),
    ),
    (
        counter(
            "mermin_source_filtered_records",
            "Records suppressed by the filter",
        ),
        |it| Number::Whole(it.records_filtered),
    ),
    (
        counter(
            "mermin_source_joined_records",
            "Records suppressed because another interface reports the conversation",
        ),
        |it| Number::Whole(it.records_joined),
    ),
    (
        counter(
            "mermin_source_unjoined_flows",
            "Flows for which their conversation had no room, and which are reported by themselves",
        ),
        |it| Number::Whole(it.flows_unjoined),
    ),
    (
        counter(
            "mermin_source_packets",
            "Packets on the wire over all hooks there are and were",
        ),
        |it| Number::Whole(it.packets),
    ),
    (
        counter("mermin_source_frame_bytes", "Octets of their frames"),
        |it| Number::Whole(it.frame_octets),
    ),
    (
        counter("mermin_source_sweeps", "Sweeps of the table of flows"),
        |it| Number::Whole(it.sweeps),
    ),
    (
        gauge(
            "mermin_source_sweep_duration_seconds",
            "Duration of the latest sweep and the work around it",
        ),
        |it| Number::Seconds(it.last_sweep),
    ),
    (
        counter(
            "mermin_source_rcu_waits",
            "RCU grace periods of the kernel that were waited for",
        ),
        |it| Number::Whole(it.rcu_waits),
    ),
    (
        gauge(
            "mermin_source_rcu_wait_duration_seconds",
            "How long the last one took",
        ),
        |it| Number::Seconds(it.last_rcu_wait),
    ),
    (
        gauge("mermin_source_interfaces", "Interfaces that are watched"),
        |it| Number::Whole(it.interfaces.watched),
    ),
    (
        counter(
            "mermin_source_interface_attachments",
            "Times that an interface was attached to",
        ),
        |it| Number::Whole(it.interfaces.attached),
    ),
    (
        gauge(
            "mermin_source_interface_attachment_duration_seconds",
            "How long the last attachment took",
        ),
        |it| Number::Seconds(it.interfaces.last_attach),
    ),
    (
        counter(
            "mermin_source_interface_detachments",
            "Interfaces that were detached from",
        ),
        |it| Number::Whole(it.interfaces.detached),
    ),
    (
        counter(
            "mermin_source_missed_interfaces",
            "Interfaces that had gone before a program was attached: not counted",
        ),
        |it| Number::Whole(it.interfaces.missed),
    ),
    (
        counter(
            "mermin_source_program_reattachments",
            "Programs that somebody else had detached, and that were attached again",
        ),
        |it| Number::Whole(it.interfaces.reattached),
    ),
    (
        counter(
            "mermin_source_resyncs",
            "Times that the list of interfaces was read anew because notifications were lost",
        ),
        |it| Number::Whole(it.interfaces.resyncs),
    ),
    (
        counter(
            "mermin_source_payload_sections",
            "Sections of payloads that were read for names",
        ),
        |it| Number::Whole(it.payloads.read),
    ),
    (
        counter(
            "mermin_source_lost_payload_sections",
            "Sections for which there was no room, or whose flow had ended: names may be missing",
        ),
        |it| Number::Whole(it.payloads.lost),
    ),
    (
        counter(
            "mermin_source_cut_payload_messages",
            "Messages whose end was not at hand: names may be missing",
        ),
        |it| Number::Whole(it.payloads.cut),
    ),
    (
        counter(
            "mermin_source_malformed_payload_messages",
            "Messages that contradict their protocol, or are of another one",
        ),
        |it| Number::Whole(it.payloads.malformed),
    ),
    // A statistic that is not read would be missing on the page.
    (
        gauge("mermin_source_up", "1: a source is open, or was"),
        |_| Number::Whole(1),
    ),
];

pub(super) fn write(stats: &Stats, page: &mut Text) {
    let none = Labels::default();
    for (family, number) in STATS {
        page.family(family).value(&none, number(stats));
    }
}
