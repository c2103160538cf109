//! Columns of the sockets of a TCP connection.

use mermin_core::{
    Flow,
    flow::{TcpSocket, TcpSockets},
};

use super::way::{Way, counted, timed};

type End = fn(&TcpSockets) -> &Option<TcpSocket>;

/// Returns a column by its whole name.
pub(super) fn of_tcp_sockets(name: &str) -> Option<Way> {
    match name.strip_prefix("flow.reverse.tcp.") {
        Some(rest) => of_end(rest, |sockets| &sockets.destination),
        None => of_end(name.strip_prefix("flow.tcp.")?, |sockets| &sockets.source),
    }
}

fn of_end(name: &str, end: End) -> Option<Way> {
    let count: fn(&TcpSocket) -> u32 = match name {
        "srtt" => return Some(timed(move |flow| of(flow, end)?.smoothed_round_trip)),
        "socket.retransmissions" => |it| it.retransmissions,
        "socket.delivered" => |it| it.delivered,
        "socket.congestion_window" => |it| it.congestion_window,
        _ => return None,
    };
    Some(counted(move |flow| Some(count(of(flow, end)?).into())))
}

fn of(flow: &Flow, end: End) -> Option<&TcpSocket> {
    end(flow.tcp_sockets.as_deref()?).as_ref()
}
