//! Whether a flow, and a record of it, are wanted.

use super::{EndpointFilter, Filter, FlowFilter, IpVersion, NetworkFilter};
use crate::flow::{Endpoint, Flow, IcmpMessage, IpHeader, MacAddress, Protocol};

/// What is known of a flow from its first packet on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) protocol: Protocol,
    pub(crate) interface_index: u32,
    pub(crate) interface_name: &'a str,
    pub(crate) mac: Option<MacAddress>,
}

impl<'a> From<&'a Flow> for Facts<'a> {
    fn from(flow: &'a Flow) -> Self {
        Self {
            source: flow.source,
            destination: flow.destination,
            protocol: flow.protocol,
            interface_index: flow.interface.index,
            interface_name: &flow.interface.name,
            mac: flow.interface.mac,
        }
    }
}

impl Filter {
    /// Whether a record is wanted, as if its flow had just begun.
    #[must_use]
    pub fn admits(&self, flow: &Flow) -> bool {
        self.admits_flow(&Facts::from(flow)) && self.flow.admits(flow)
    }

    /// Whether everything is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a flow is wanted.
    pub(super) fn admits_flow(&self, facts: &Facts<'_>) -> bool {
        self.network.admits(facts)
            && self.source.admits(&facts.source)
            && self.destination.admits(&facts.destination)
    }
}

impl EndpointFilter {
    fn admits(&self, endpoint: &Endpoint) -> bool {
        self.address
            .admits(|address| address.matches(endpoint.address))
            && self.admits_port(endpoint)
    }

    pub(super) fn admits_port(&self, endpoint: &Endpoint) -> bool {
        self.port
            .admits(|ports| endpoint.port.is_some_and(|port| ports.matches(port)))
    }
}

impl NetworkFilter {
    pub(super) fn admits(&self, facts: &Facts<'_>) -> bool {
        let version = if facts.source.address.is_ipv4() {
            IpVersion::V4
        } else {
            IpVersion::V6
        };
        self.transport
            .admits(|protocol| *protocol == facts.protocol)
            && self.ip_version.admits(|wanted| *wanted == version)
            && self
                .interface_index
                .admits(|indexes| indexes.matches(facts.interface_index))
            && self
                .interface_name
                .admits(|pattern| pattern.matches(facts.interface_name))
            && self.interface_mac.admits(|mac| Some(*mac) == facts.mac)
    }
}

impl FlowFilter {
    /// Whether a record of a wanted flow is.
    pub(super) fn admits(&self, flow: &Flow) -> bool {
        let halves = [&flow.forward, &flow.reverse];
        let state = flow.tcp.map(|tcp| tcp.state.as_str());
        let flags = halves.map(|half| half.tcp_flags);
        let header = |fits: &dyn Fn(&IpHeader) -> bool| {
            halves.iter().filter_map(|half| half.ip.as_ref()).any(fits)
        };
        let message = |name: fn(IcmpMessage, Protocol) -> Option<&'static str>,
                       fits: &dyn Fn(&str) -> bool| {
            halves
                .iter()
                .filter_map(|half| name(half.icmp?, flow.protocol))
                .any(fits)
        };
        self.connection_state
            .admits(|wanted| state.is_some_and(|state| wanted.matches(state)))
            && self.tcp_flags_tags.admits(|wanted| {
                flags
                    .iter()
                    .flatten()
                    .any(|flags| flags.0 & wanted.0 == wanted.0)
            })
            && self.ip_dscp_name.admits(|wanted| {
                header(&|ip| ip.dscp_name().is_some_and(|name| wanted.matches(name)))
            })
            && self
                .ip_ecn_name
                .admits(|wanted| header(&|ip| wanted.matches(ip.ecn_name())))
            && self
                .ip_ttl
                .admits(|wanted| header(&|ip| wanted.matches(ip.ttl)))
            && self.ip_flow_label.admits(|wanted| {
                header(&|ip| ip.flow_label.is_some_and(|label| wanted.matches(label)))
            })
            && self
                .icmp_type_name
                .admits(|wanted| message(IcmpMessage::kind_name, &|name| wanted.matches(name)))
            && self
                .icmp_code_name
                .admits(|wanted| message(IcmpMessage::code_name, &|name| wanted.matches(name)))
    }
}

#[cfg(test)]
mod tests;
