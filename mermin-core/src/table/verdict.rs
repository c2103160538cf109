//! The decision about a flow now, and the time of the next one.

use super::{
    coarse_time::CoarseTime,
    expiry_state::ExpiryState,
    export_state::ExportState,
    limits::{Limits, is_over},
};
use crate::flow::EndReason;
use mermin_bpf::wire::protocol::has_connections;

/// Interval between two checks of a connection, because a FIN or RST brings its end nearer, ns.
const TCP_LOOK: u64 = 1_000_000_000;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is due before this time.
    Keep(CoarseTime),
    /// An interval record is due; the flow continues.
    Report,
    /// The flow is over.
    Close(EndReason),
}

/// The time at which the flow ends if no packet comes (monotonic ns).
fn idle_at(flow: &ExpiryState, limits: &Limits) -> u64 {
    flow.last_seen.saturating_add(limits.idle(flow))
}

/// The time at which its next interval record is due (monotonic ns).
fn report_at(flow: &ExpiryState, entry: &ExportState, limits: &Limits) -> u64 {
    entry
        .current_interval_start(flow)
        .saturating_add(limits.active)
}

/// The time at which the flow ends or its next interval record is due, whichever is earlier (monotonic ns). An interval
/// record is not due before `earliest`.
#[cfg(any(feature = "pcap", test))]
pub(crate) fn due(flow: &ExpiryState, entry: &ExportState, limits: &Limits, earliest: u64) -> u64 {
    idle_at(flow, limits).min(report_at(flow, entry, limits).max(earliest))
}

/// Decides about a flow at `now` (monotonic ns).
pub(crate) fn judge(flow: &ExpiryState, entry: &ExportState, limits: &Limits, now: u64) -> Verdict {
    let idle_at = idle_at(flow, limits);
    if now >= idle_at {
        return Verdict::Close(if is_over(flow) {
            EndReason::EndOfFlow
        } else {
            EndReason::IdleTimeout
        });
    }
    let report_at = report_at(flow, entry, limits);
    if now >= report_at {
        return Verdict::Report;
    }
    let next = idle_at.min(report_at);
    let next = if has_connections(flow.protocol) {
        next.min(now.saturating_add(TCP_LOOK))
    } else {
        next
    };
    Verdict::Keep(CoarseTime::after(next))
}

#[cfg(test)]
mod tests {
    use mermin_bpf::{
        abi::key::{KeyTail, KeyV4},
        track::tcp,
        wire::{protocol, tcp::flag},
    };

    use super::*;
    use crate::table::{
        Timeouts,
        snapshot::{FlowSnapshot, Side},
    };

    const SECOND: u64 = 1_000_000_000;

    fn flow(protocol: u8, flags: [u8; 2], first: u64, last: u64) -> FlowSnapshot {
        let key = KeyV4 {
            tail: KeyTail {
                ifindex: 1,
                protocol_vlan: KeyTail::pack(protocol, 0, 0),
                encapsulation: 0,
                ports: [1, 2],
            },
            addresses: [1, 2],
        };
        FlowSnapshot {
            key: key.words(),
            first_seen: first,
            sides: flags.map(|flags| Side {
                packets: 1,
                last_seen: last,
                tcp: tcp::Side {
                    flags,
                    ..tcp::Side::default()
                },
                ..Side::default()
            }),
            ..FlowSnapshot::default()
        }
    }

    fn at(flow: &FlowSnapshot, now: u64) -> Verdict {
        judge(
            &flow.expiry_state(),
            &ExportState::default(),
            &Timeouts::default().into(),
            now,
        )
    }

    #[test]
    fn each_protocol_idles_out_at_its_own_time() {
        for (number, seconds) in [
            (protocol::TCP, 20),
            (protocol::ICMP, 10),
            (protocol::ICMPV6, 10),
            (132, 30),
        ] {
            let flow = flow(number, [0, 0], 100 * SECOND, 100 * SECOND);
            let end = (100 + seconds) * SECOND;
            assert!(matches!(at(&flow, end - 1), Verdict::Keep(_)), "{number}");
            assert_eq!(at(&flow, end), Verdict::Close(EndReason::IdleTimeout));
        }
    }

    #[test]
    fn closed_connection_ends_after_five_quiet_seconds() {
        let fin = flow(protocol::TCP, [flag::FIN, flag::FIN], SECOND, 2 * SECOND);
        assert!(matches!(at(&fin, 7 * SECOND - 1), Verdict::Keep(_)));
        assert_eq!(at(&fin, 7 * SECOND), Verdict::Close(EndReason::EndOfFlow));
        for number in [protocol::SCTP, protocol::DCCP] {
            let ended = flow(number, [flag::RST, 0], SECOND, 2 * SECOND);
            assert!(matches!(at(&ended, 7 * SECOND - 1), Verdict::Keep(_)));
            assert_eq!(at(&ended, 7 * SECOND), Verdict::Close(EndReason::EndOfFlow));
        }
        let reset = flow(protocol::TCP, [flag::SYN, flag::RST], SECOND, 2 * SECOND);
        assert_eq!(at(&reset, 7 * SECOND), Verdict::Close(EndReason::EndOfFlow));
    }

    #[test]
    fn half_closed_connection_waits_as_long_as_linux_does() {
        for flags in [[flag::FIN, flag::ACK], [flag::ACK, flag::FIN]] {
            let half = flow(protocol::TCP, flags, 100 * SECOND, 102 * SECOND);
            let verdict = |now| {
                let mut entry = ExportState::default();
                entry.mark_exported(&half, 200 * SECOND);
                judge(
                    &half.expiry_state(),
                    &entry,
                    &Timeouts::default().into(),
                    now,
                )
            };
            assert!(matches!(verdict(222 * SECOND - 1), Verdict::Keep(_)));
            assert_eq!(
                verdict(222 * SECOND),
                Verdict::Close(EndReason::IdleTimeout)
            );
        }
    }

    #[test]
    fn busy_flow_is_reported_at_the_active_timeout() {
        let start = 100 * SECOND;
        let busy = flow(protocol::UDP, [0, 0], start, start + 59 * SECOND);
        assert!(matches!(
            at(&busy, start + 60 * SECOND - 1),
            Verdict::Keep(_)
        ));
        assert_eq!(at(&busy, start + 60 * SECOND), Verdict::Report);
        let mut entry = ExportState::default();
        entry.mark_exported(&busy, start + 60 * SECOND);
        let busy = flow(protocol::UDP, [0, 0], start, start + 119 * SECOND);
        let verdict = judge(
            &busy.expiry_state(),
            &entry,
            &Timeouts::default().into(),
            start + 119 * SECOND,
        );
        assert!(matches!(verdict, Verdict::Keep(_)));
        let verdict = judge(
            &busy.expiry_state(),
            &entry,
            &Timeouts::default().into(),
            start + 120 * SECOND,
        );
        assert_eq!(verdict, Verdict::Report);
    }

    #[test]
    fn lagging_clock_ends_no_flow() {
        // The coarse clock of the last packet is behind the precise one of the first.
        let new = flow(
            protocol::ICMP,
            [0, 0],
            100 * SECOND,
            100 * SECOND - 4_000_000,
        );
        assert!(matches!(at(&new, 99 * SECOND), Verdict::Keep(_)));
        assert!(matches!(at(&new, 110 * SECOND - 1), Verdict::Keep(_)));
    }

    #[test]
    fn next_sweep_is_at_the_earliest_due_time() {
        let udp = flow(protocol::UDP, [0, 0], 100 * SECOND, 130 * SECOND);
        assert_eq!(
            at(&udp, 131 * SECOND),
            Verdict::Keep(CoarseTime::after(160 * SECOND))
        );
        assert_eq!(
            due(
                &udp.expiry_state(),
                &ExportState::default(),
                &Timeouts::default().into(),
                0
            ),
            160 * SECOND
        );
        let tcp = flow(protocol::TCP, [0, 0], 100 * SECOND, 100 * SECOND);
        assert_eq!(
            due(
                &tcp.expiry_state(),
                &ExportState::default(),
                &Timeouts::default().into(),
                0
            ),
            120 * SECOND
        );
        assert_eq!(
            at(&tcp, 101 * SECOND),
            Verdict::Keep(CoarseTime::after(102 * SECOND))
        );
    }
}
