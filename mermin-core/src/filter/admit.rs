//! Decides if a filter admits a flow, and each of its records.

use super::{EndpointFilter, Filter, FlowFilter, IpVersion, NetworkFilter};
use crate::flow::{Endpoint, Flow, IcmpMessage, IpHeader, MacAddress, Protocol};

/// Fields of a flow that its first packet determines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowFields<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) protocol: Protocol,
    pub(crate) interface_index: u32,
    pub(crate) interface_name: &'a str,
    pub(crate) mac: Option<MacAddress>,
}

impl<'a> From<&'a Flow> for FlowFields<'a> {
    fn from(flow: &'a Flow) -> Self {
        Self {
            source: flow.source,
            destination: flow.destination,
            protocol: flow.protocol,
            interface_index: flow.interface.index,
            interface_name: &flow.interface.name,
            mac: flow.interface.source_mac,
        }
    }
}

impl Filter {
    /// Returns true if the filter admits a record, as if its flow had just begun.
    #[must_use]
    pub fn admits(&self, flow: &Flow) -> bool {
        self.admits_flow(&FlowFields::from(flow)) && self.flow.admits(flow)
    }

    /// Returns true if the filter admits everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if the filter admits a flow.
    pub(super) fn admits_flow(&self, fields: &FlowFields<'_>) -> bool {
        self.network.admits(fields)
            && self.source.admits(&fields.source)
            && self.destination.admits(&fields.destination)
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
    pub(super) fn admits(&self, fields: &FlowFields<'_>) -> bool {
        let version = if fields.source.address.is_ipv4() {
            IpVersion::V4
        } else {
            IpVersion::V6
        };
        self.transport
            .admits(|protocol| *protocol == fields.protocol)
            && self.ip_version.admits(|wanted| *wanted == version)
            && self
                .interface_index
                .admits(|indexes| indexes.matches(fields.interface_index))
            && self
                .interface_name
                .admits(|pattern| pattern.matches(fields.interface_name))
            && self.interface_mac.admits(|mac| Some(*mac) == fields.mac)
    }
}

impl FlowFilter {
    /// Returns true if the filter admits a record of an admitted flow.
    pub(super) fn admits(&self, flow: &Flow) -> bool {
        let halves = [&flow.forward, &flow.reverse];
        let flags = halves.map(|half| half.tcp_flags);
        let header = |fits: &dyn Fn(&IpHeader) -> bool| {
            halves.iter().filter_map(|half| half.ip.as_ref()).any(fits)
        };
        let message = |fits: &dyn Fn(IcmpMessage) -> bool| {
            halves.iter().filter_map(|half| half.icmp).any(fits)
        };
        self.admits_state(flow)
            && self.tcp_flags_tags.admits(|wanted| {
                flags
                    .iter()
                    .flatten()
                    .any(|flags| flags.0 & wanted.0 == wanted.0)
            })
            && self
                .ip_dscp_name
                .admits(|wanted| header(&|ip| wanted.means(ip.dscp, ip.dscp_name())))
            && self
                .ip_ecn_name
                .admits(|wanted| header(&|ip| wanted.means(ip.ecn, Some(ip.ecn_name()))))
            && self
                .ip_ttl
                .admits(|wanted| header(&|ip| wanted.matches(ip.ttl)))
            && self.ip_flow_label.admits(|wanted| {
                header(&|ip| ip.flow_label.is_some_and(|label| wanted.matches(label)))
            })
            && self
                .icmp_type_name
                .admits(|wanted| message(&|it| wanted.means(it.kind, it.kind_name(flow.protocol))))
            && self
                .icmp_code_name
                .admits(|wanted| message(&|it| wanted.means(it.code, it.code_name(flow.protocol))))
    }
}

impl FlowFilter {
    /// Returns true if the filter admits a last record without packets. Such a record reports the end of the flow, so
    /// the TCP state alone decides: it has no fields of packets.
    pub(super) fn admits_end(&self, flow: &Flow) -> bool {
        let packets = flow.forward.packets.delta + flow.reverse.packets.delta;
        !flow.end_reason.goes_on() && packets == 0 && self.admits_state(flow)
    }

    fn admits_state(&self, flow: &Flow) -> bool {
        let state = flow.tcp.map(|tcp| tcp.state.as_str());
        self.connection_state
            .admits(|wanted| state.is_some_and(|state| wanted.matches(state)))
    }
}

#[cfg(test)]
mod tests;
