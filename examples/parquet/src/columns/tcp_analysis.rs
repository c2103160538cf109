//! Columns of the TCP analysis.

use mermin_core::{
    Flow,
    flow::{TcpAnalysis, TcpLatency, TcpSegments},
};

use super::way::{Way, counted, nanoseconds, timed};

type Side = fn(&TcpAnalysis) -> &TcpSegments;

/// Returns a column by its whole name.
pub(super) fn of_tcp_analysis(name: &str) -> Option<Way> {
    match name {
        "flow.tcp.handshake.client.latency" => Some(timed(|flow| of(flow)?.handshake_client)),
        "flow.tcp.handshake.server.latency" => Some(timed(|flow| of(flow)?.handshake_server)),
        _ => match name.strip_prefix("flow.reverse.tcp.") {
            Some(rest) => of_side(rest, |analysis| &analysis.reverse),
            None => of_side(name.strip_prefix("flow.tcp.")?, |analysis| {
                &analysis.forward
            }),
        },
    }
}

fn of_side(name: &str, side: Side) -> Option<Way> {
    let count: fn(&TcpSegments) -> u64 = match name {
        "retransmissions" => |it| it.retransmissions,
        "retransmitted_bytes" => |it| it.retransmitted_octets,
        "out_of_order" => |it| it.out_of_order,
        "duplicate_acks" => |it| it.duplicate_acks,
        "zero_windows" => |it| it.zero_windows,
        "resets" => |it| it.resets,
        _ => {
            return match name.split_once('.')? {
                ("rndtrip", rest) => latency(rest, side, |it| it.round_trip.as_ref()),
                ("svc", rest) => latency(rest, side, |it| it.response.as_ref()),
                _ => None,
            };
        }
    };
    Some(counted(move |flow| Some(count(side(of(flow)?)))))
}

fn latency(name: &str, side: Side, which: fn(&TcpSegments) -> Option<&TcpLatency>) -> Option<Way> {
    let get: fn(&TcpLatency) -> Option<u64> = match name {
        "latency" => |it| nanoseconds(it.mean),
        "min" => |it| nanoseconds(it.min),
        "max" => |it| nanoseconds(it.max),
        "jitter" => |it| nanoseconds(it.jitter),
        "samples" => |it| Some(it.samples),
        _ => return None,
    };
    Some(counted(move |flow| get(which(side(of(flow)?))?)))
}

fn of(flow: &Flow) -> Option<&TcpAnalysis> {
    flow.tcp_analysis.as_deref()
}
