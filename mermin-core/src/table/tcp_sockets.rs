//! The sockets of a record, from what the kernel program stored.

use std::time::Duration;

use mermin_bpf::abi::tcp_socket as abi;

use crate::flow::{TcpSocket, TcpSockets};

/// Returns the sockets of a record, or `None` if no socket was seen. `higher_started` is true if the higher endpoint is the source.
pub(crate) fn record(stored: &abi::TcpSockets, higher_started: bool) -> Option<TcpSockets> {
    let [low, high] = stored.directions.each_ref().map(socket);
    let (source, destination) = if higher_started {
        (high, low)
    } else {
        (low, high)
    };
    (source.is_some() || destination.is_some()).then_some(TcpSockets {
        source,
        destination,
    })
}

fn socket(stored: &abi::TcpSocket) -> Option<TcpSocket> {
    let round_trip = u64::from(stored.smoothed_round_trip >> 3);
    (stored.congestion_window != 0).then(|| TcpSocket {
        smoothed_round_trip: (stored.smoothed_round_trip != 0)
            .then(|| Duration::from_micros(round_trip)),
        retransmissions: stored.retransmissions,
        delivered: stored.delivered,
        congestion_window: stored.congestion_window,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_is_at_the_end_that_sends() {
        let mut stored = abi::TcpSockets::default();
        assert_eq!(record(&stored, false), None);
        stored.directions[1] = abi::TcpSocket {
            smoothed_round_trip: 8 * 1_250 + 7,
            retransmissions: 3,
            delivered: 70,
            congestion_window: 10,
        };
        let socket = TcpSocket {
            smoothed_round_trip: Some(Duration::from_micros(1_250)),
            retransmissions: 3,
            delivered: 70,
            congestion_window: 10,
        };
        let sockets = |source, destination| {
            Some(TcpSockets {
                source,
                destination,
            })
        };
        assert_eq!(record(&stored, true), sockets(Some(socket), None));
        assert_eq!(record(&stored, false), sockets(None, Some(socket)));
        stored.directions[1].smoothed_round_trip = 0;
        let destination = record(&stored, false).and_then(|both| both.destination);
        assert_eq!(destination.unwrap().smoothed_round_trip, None);
    }
}
