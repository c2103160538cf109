//! The side of a flow that is its client.

use mermin_bpf::{
    track::origin::First,
    wire::{protocol, tcp::flag},
};

use super::super::snapshot::{FlowSnapshot, Side};
use crate::flow::{Direction, DirectionRule, FIRST_USER_PORT};

/// Decides the direction by the observed packets, the ports of source and destination, and the end that is `listening`.
///
/// The sender of a SYN, or of its equivalent, is the client. The receiver of an answer is the client if it was seen to
/// send. Otherwise the listening end is the server. A connection whose beginning was not captured and that has no known listener is
/// decided by its ports if exactly one is a system port, and is unknown otherwise. For other protocols the first sender
/// is the client, unless its port is a system port and the other one is not.
pub(super) fn decide(
    flow: &FlowSnapshot,
    number: u8,
    [source, destination]: [Option<u16>; 2],
    listening: Direction,
) -> (Direction, DirectionRule) {
    let asker = &flow.sides[usize::from(flow.higher_started)];
    let is_answered = flow.first == First::Answer;
    if flow.first == First::Opening || is_answered && asker.tcp.flags & flag::SYN != 0 {
        return (Direction::Forward, DirectionRule::Syn);
    }
    if is_answered && has_asked(asker, number) {
        return (Direction::Forward, DirectionRule::Answer);
    }
    match listening {
        Direction::Forward => return (Direction::Forward, DirectionRule::ListeningPort),
        // This contradicts an answer, which went to the client.
        Direction::Reverse if !is_answered => {
            return (Direction::Reverse, DirectionRule::ListeningPort);
        }
        Direction::Reverse | Direction::Unknown => {}
    }
    let has_connections = protocol::has_connections(number);
    let is_server = |port: Option<u16>| port.is_some_and(|port| port < FIRST_USER_PORT);
    match (is_server(source), is_server(destination)) {
        (false, true) if has_connections || is_answered => {
            (Direction::Forward, DirectionRule::PortNumber)
        }
        // The answer and the ports contradict each other, or only the answer is known.
        _ if is_answered => (Direction::Unknown, DirectionRule::Answer),
        (true, false) => (Direction::Reverse, DirectionRule::PortNumber),
        _ if has_connections => (Direction::Unknown, DirectionRule::FirstPacket),
        _ => (Direction::Forward, DirectionRule::FirstPacket),
    }
}

/// True if the receiver of an answer refused it: a host that gets a SYN-ACK without having sent a SYN refuses it by RST
/// without ACK (RFC 9293 section 3.10.7), an INIT ACK by ABORT (RFC 9260 section 8.4), and a Response by one Reset (RFC
/// 4340 section 8.3.1), after which no other Response comes.
const fn has_asked(side: &Side, number: u8) -> bool {
    side.packets != 0
        && match number {
            protocol::DCCP => side.packets > 1 || side.tcp.flags & flag::RST == 0,
            number if protocol::has_connections(number) => side.tcp.flags & flag::ACK != 0,
            _ => true,
        }
}
