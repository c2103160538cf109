//! Records with what a source adds on request.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::flows::flows;
use crate::flow::{
    Application, Dns, Dropped, Drops, Endpoint, Flow, Nat, NatSeen, Process, Protocol, QuicVersion,
    TcpAnalysis, TcpLatency, TcpSegments, TcpSocket, TcpSockets, Tls,
};

/// Returns the records of [`flows`]. Some of them also have what a source adds on request: names of up to 255 octets, processes
/// and containers, the other side of a translation, the TCP analysis, values of TCP sockets, dropped packets, and the sampling
/// interval. Some have dropped packets in a direction in which no packet was counted. The same number always gives the same record.
///
/// ```
/// use mermin_core::sink::testing::detailed_flows;
///
/// let flows = detailed_flows(100);
/// assert!(flows.iter().any(|flow| flow.drops.is_some()));
/// ```
#[must_use]
pub fn detailed_flows(count: u32) -> Vec<Flow> {
    let mut flows = flows(count);
    for (number, flow) in (0..).zip(&mut flows) {
        flow.application = application(number).map(Arc::new);
        let [source, destination] = processes(number);
        flow.source_process = source;
        flow.destination_process = destination;
        flow.nat = nat(number, flow).map(Box::new);
        if flow.protocol == Protocol::TCP && number % 2 == 0 {
            flow.tcp_analysis = Some(Box::new(analysis(number)));
        }
        if flow.protocol == Protocol::TCP {
            flow.tcp_sockets = sockets(number).map(Box::new);
        }
        flow.drops = drops(number).map(Box::new);
        flow.sampling_interval = sampling_interval(number);
    }
    flows
}

fn application(number: u32) -> Option<Application> {
    let name: Arc<str> = format!("{}.example", "a".repeat(number as usize % 248)).into();
    let mut application = Application::default();
    match number % 7 {
        0 | 1 => {
            application.tls = Some(Tls {
                server_name: Some(name),
                alpn: ["h2", "http/1.1"].map(Arc::from).into(),
            });
            application.quic_version = (number % 7 == 1).then_some(QuicVersion::V1);
        }
        2 | 3 => {
            let answered = number % 7 == 3;
            application.dns = Some(Dns {
                response_code: answered.then_some(3),
                latency: answered.then(|| Duration::from_micros(number.into())),
                ..Dns::new(name, 28)
            });
        }
        4 => application.http_host = Some(name),
        5 => application.tls = Some(Tls::default()),
        _ => return None,
    }
    Some(application)
}

/// Processes at source and destination.
fn processes(number: u32) -> [Option<Arc<Process>>; 2] {
    let unknown = || Arc::new(Process::new(number + 2));
    let known = || {
        Arc::new(Process {
            executable: Some(["curl", "nginx", "ö\"\\\n0"][number as usize % 3].into()),
            cgroup_id: Some(u64::MAX - u64::from(number)),
            container_id: Some("0123456789abcdef".repeat(4).into()),
            ..Process::new(number + 1)
        })
    };
    match number % 8 {
        1 => [Some(known()), None],
        2 => [None, Some(unknown())],
        3 => [Some(unknown()), Some(known())],
        _ => [None, None],
    }
}

/// Of the destination, of the source, or of both, in two of three records; the other side has the version and the ports that the flow has.
fn nat(number: u32, flow: &Flow) -> Option<Nat> {
    let last = u8::try_from(number % 251).unwrap_or_default();
    let other = |end: Endpoint, port| Endpoint {
        address: if end.address.is_ipv4() {
            [198, 51, 100, last].into()
        } else {
            [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)].into()
        },
        port: end.port.map(|_| port),
    };
    let mut nat = Nat::new(match number / 9 % 2 {
        0 => NatSeen::Before,
        _ => NatSeen::After,
    });
    match number % 9 {
        0..3 => return None,
        3 | 5 => nat.destination = Some(other(flow.destination, 8080)),
        4 | 6 => nat.source = Some(other(flow.source, u16::MAX)),
        _ => {
            nat.source = Some(other(flow.source, 1024));
            nat.destination = Some(other(flow.destination, 8443));
        }
    }
    Some(nat)
}

fn analysis(number: u32) -> TcpAnalysis {
    let latency = TcpLatency {
        min: Duration::from_micros(900),
        max: Duration::from_secs(3),
        jitter: Duration::from_nanos(number.into()),
        ..TcpLatency::new(12, Duration::from_millis(4))
    };
    let timed = number.is_multiple_of(4).then_some(latency);
    TcpAnalysis {
        forward: TcpSegments {
            retransmissions: number.into(),
            retransmitted_octets: u64::from(number) * 1448,
            duplicate_acks: 3,
            round_trip: Some(latency),
            response: timed,
            ..TcpSegments::default()
        },
        reverse: TcpSegments {
            out_of_order: u64::MAX,
            zero_windows: 1,
            resets: 1,
            round_trip: timed,
            response: Some(latency),
            ..TcpSegments::default()
        },
        handshake_server: Some(Duration::from_micros(1_234)),
        handshake_client: timed.map(|_| Duration::from_micros(7)),
    }
}

/// Of both ends, one, or none, as in a host. Each third of [`flows`] is of TCP.
fn sockets(number: u32) -> Option<TcpSockets> {
    let socket = |round_trip: bool| TcpSocket {
        smoothed_round_trip: round_trip.then(|| Duration::from_micros(number.into())),
        retransmissions: number,
        delivered: u32::MAX - number,
        congestion_window: 10,
    };
    let (source, destination) = match number / 3 % 4 {
        0 => (Some(socket(true)), Some(socket(true))),
        1 => (Some(socket(false)), None),
        2 => (None, Some(socket(true))),
        _ => return None,
    };
    Some(TcpSockets {
        source,
        destination,
    })
}

fn drops(number: u32) -> Option<Drops> {
    let mut drops = Drops::default();
    match number % 8 {
        4 => {
            let reasons = [("NETFILTER_DROP", 9), ("NO_SOCKET", 5), ("OTHER", 1)];
            drops.forward = reasons
                .map(|(reason, packets)| Dropped::new(reason, packets))
                .into();
        }
        5 => drops.reverse = [Dropped::new("SOCKET_RCVBUFF", 1 << 40)].into(),
        6 => {
            drops.forward = [Dropped::new("TCP_OLD_DATA", 1)].into();
            drops.reverse = [Dropped::new("QDISC_DROP", 2)].into();
        }
        _ => return None,
    }
    Some(drops)
}

/// From 1 to 512, in each third record.
fn sampling_interval(number: u32) -> Option<NonZeroU32> {
    let interval = NonZeroU32::new(1 << (number % 12));
    interval.filter(|_| number.is_multiple_of(3))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::flow::attributes::ALL;

    #[test]
    fn attributes_of_a_flow_by_itself_are_all_there() {
        let flows = detailed_flows(500);
        let has = |name: &str| {
            let mut all = flows.iter().flat_map(Flow::attributes);
            all.any(|(found, _)| found == name)
        };
        // Those of joined conversations, of packets that differ, and of messages and protocols besides these.
        let left_out = |name: &str| {
            [
                "flow.interfaces",
                "flow.several",
                "flow.ipsec.",
                "flow.icmp.code.name",
                "flow.reverse.icmp.code.name",
                "tunnel.network.interface.mac",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        };
        let missing: Vec<&str> = ALL
            .iter()
            .map(|attribute| attribute.name)
            .filter(|name| !left_out(name) && !has(name))
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn connection_has_sockets_at_both_ends_at_one_or_at_none() {
        let mut seen = BTreeSet::new();
        for flow in detailed_flows(100) {
            if flow.protocol == Protocol::TCP {
                let sockets = flow.tcp_sockets.as_deref().copied().unwrap_or_default();
                let timed = |end: Option<TcpSocket>| end.map(|it| it.smoothed_round_trip.is_some());
                seen.insert((timed(sockets.source), timed(sockets.destination)));
            }
        }
        let (untimed, timed) = (Some(false), Some(true));
        let all = [(timed, timed), (untimed, None), (None, timed), (None, None)];
        assert_eq!(seen, BTreeSet::from(all));
    }

    #[test]
    fn direction_without_packets_may_have_dropped_ones() {
        let flows = detailed_flows(100);
        let only_dropped = flows.iter().any(|flow| {
            let drops = flow.drops.as_deref().cloned().unwrap_or_default();
            flow.reverse.packets.delta == 0 && !drops.reverse.is_empty()
        });
        assert!(only_dropped);
    }
}
