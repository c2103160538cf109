//! Attributes of the sockets of a TCP connection.

use super::{name::Name, visitor::Visit};
use crate::flow::{TcpSocket, TcpSockets};

/// Names of the attributes of one socket.
pub(super) struct SocketNames {
    pub(super) smoothed_round_trip: Name,
    pub(super) retransmissions: Name,
    pub(super) delivered: Name,
    pub(super) congestion_window: Name,
}

macro_rules! names {
    ($prefix:literal) => {
        SocketNames {
            smoothed_round_trip: Name::new(concat!($prefix, "srtt")),
            retransmissions: Name::new(concat!($prefix, "socket.retransmissions")),
            delivered: Name::new(concat!($prefix, "socket.delivered")),
            congestion_window: Name::new(concat!($prefix, "socket.congestion_window")),
        }
    };
}

pub(super) static SOURCE: SocketNames = names!("flow.tcp.");
pub(super) static DESTINATION: SocketNames = names!("flow.reverse.tcp.");

/// Visits the attributes whose values are known.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, sockets: &TcpSockets) {
    for (names, socket) in [
        (&SOURCE, &sockets.source),
        (&DESTINATION, &sockets.destination),
    ] {
        if let Some(socket) = socket {
            give_one(visit, names, socket);
        }
    }
}

fn give_one<'a>(visit: &mut impl Visit<'a>, names: &'static SocketNames, socket: &TcpSocket) {
    if let Some(time) = socket.smoothed_round_trip {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        visit.number(&names.smoothed_round_trip, nanoseconds);
    }
    for (name, count) in [
        (&names.retransmissions, socket.retransmissions),
        (&names.delivered, socket.delivered),
        (&names.congestion_window, socket.congestion_window),
    ] {
        visit.number(name, count.into());
    }
}
