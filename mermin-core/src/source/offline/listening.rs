//! Ports of a capture that answered a connection.

use std::collections::HashSet;

use mermin_bpf::wire::protocol;

use crate::{
    flow::{Direction, Endpoint, Protocol},
    table::{record::flow_fields, snapshot::FlowSnapshot},
};

/// Maximum number of remembered ports, about 4 MiB.
const MOST: usize = 1 << 16;

/// Addresses and ports that have answered a connection. They belong to hosts, whichever interface saw them.
#[derive(Debug, Default)]
pub(super) struct ListeningPorts(HashSet<(Protocol, Endpoint)>);

impl ListeningPorts {
    /// Notes that a packet of the flow was an answer; `by_higher` is its sender.
    pub(super) fn answered(&mut self, flow: &FlowSnapshot, by_higher: bool) {
        let flow_fields = flow_fields(flow, "");
        if !protocol::has_connections(flow_fields.protocol.0) || self.0.len() == MOST {
            return;
        }
        let server = if by_higher == flow.higher_started {
            flow_fields.source
        } else {
            flow_fields.destination
        };
        self.0.insert((flow_fields.protocol, server));
    }

    /// A flow's direction, if exactly one end listens.
    pub(super) fn direction(&self, flow: &FlowSnapshot) -> Direction {
        let flow_fields = flow_fields(flow, "");
        let listens = |end| self.0.contains(&(flow_fields.protocol, end));
        match (
            listens(flow_fields.source),
            listens(flow_fields.destination),
        ) {
            (false, true) => Direction::Forward,
            (true, false) => Direction::Reverse,
            _ => Direction::Unknown,
        }
    }
}
