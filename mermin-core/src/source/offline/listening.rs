//! Ports of a capture that answered a connection.

use std::collections::HashSet;

use mermin_bpf::wire::protocol;

use crate::{
    flow::{Direction, Endpoint, Protocol},
    table::{record::facts, snapshot::FlowSnapshot},
};

/// Ports that are remembered at most, some 4 MiB.
const MOST: usize = 1 << 16;

/// Addresses and ports that have answered a connection so far. They are those of hosts, whatever interface saw them.
#[derive(Debug, Default)]
pub(super) struct ListeningPorts(HashSet<(Protocol, Endpoint)>);

impl ListeningPorts {
    /// A packet of the flow answered a question; `by_higher` says which end sent it.
    pub(super) fn answered(&mut self, flow: &FlowSnapshot, by_higher: bool) {
        let facts = facts(flow, "");
        if !protocol::has_connections(facts.protocol.0) || self.0.len() == MOST {
            return;
        }
        let server = if by_higher == flow.higher_started {
            facts.source
        } else {
            facts.destination
        };
        self.0.insert((facts.protocol, server));
    }

    /// A flow's direction by the end that listens, if it is one alone.
    pub(super) fn direction(&self, flow: &FlowSnapshot) -> Direction {
        let facts = facts(flow, "");
        let listens = |end| self.0.contains(&(facts.protocol, end));
        match (listens(facts.source), listens(facts.destination)) {
            (false, true) => Direction::Forward,
            (true, false) => Direction::Reverse,
            _ => Direction::Unknown,
        }
    }
}
