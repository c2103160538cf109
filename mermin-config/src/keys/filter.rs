//! Which flows are wanted.

use mermin_core::{
    Pattern,
    filter::{
        self, AddressPattern, ConnectionStateName, DscpName, EcnName, FlowLabelRange, IcmpCodeName,
        IcmpTypeName, InterfaceIndexRange, IpVersion, PortRange, Rule, TtlRange,
    },
    flow::{MacAddress, Protocol, TcpFlags},
};

use crate::schema::section;

section! {
    /// Filters of flows. A flow passes if it matches all keys. One matching item of a list is enough, `not_match` overrides
    /// `match`, and an empty list matches everything. A new filter does not change the decision about an open flow.
    Filter, Labels {
        /// The side that started the flow.
        source: EndpointFilter = EndpointFilter::defaults(), Application;
        /// The other side.
        destination: EndpointFilter = EndpointFilter::defaults(), Application;
        /// Protocols and interfaces.
        network: NetworkFilter = NetworkFilter::defaults(), Application;
        /// Fields that may differ from one record of a flow to the next.
        flow: FlowFilter = FlowFilter::defaults(), Application;
    }
}

section! {
    /// One side of a flow.
    EndpointFilter, Nested {
        /// Addresses, networks and globs.
        address: Rule<AddressPattern> = Rule::default(), Capture;
        /// Ports and port ranges. A flow without ports has no match.
        port: Rule<PortRange> = Rule::default(), Capture;
    }
}

section! {
    /// Protocols and interfaces.
    NetworkFilter, Nested {
        /// The protocol above IP.
        transport: Rule<Protocol> = Rule::default(), Capture;
        /// The IP version.
        ip_version "type": Rule<IpVersion> = Rule::default(), Capture;
        /// Name of the interface at the start of the flow.
        interface_name: Rule<Pattern> = Rule::default(), Capture;
        /// Kernel index of the interface.
        interface_index: Rule<InterfaceIndexRange> = Rule::default(), Capture;
        /// MAC address on the source's side of the link.
        interface_mac: Rule<MacAddress> = Rule::default(), Capture;
    }
}

section! {
    /// Fields that may differ from one record of a flow to the next.
    FlowFilter, Nested {
        /// TCP state at the time of the record. A flow of another protocol has no match.
        connection_state: Rule<ConnectionStateName> = Rule::default(), Capture;
        /// TCP flags that the flow has had so far.
        tcp_flags_tags: Rule<TcpFlags> = Rule::default(), Capture;
        /// Differentiated services code point.
        ip_dscp_name: Rule<DscpName> = Rule::default(), Capture;
        /// Explicit congestion notification.
        ip_ecn_name: Rule<EcnName> = Rule::default(), Capture;
        /// IPv4 time to live, IPv6 hop limit.
        ip_ttl: Rule<TtlRange> = Rule::default(), Capture;
        /// IPv6 flow label.
        ip_flow_label: Rule<FlowLabelRange> = Rule::default(), Capture;
        /// ICMP or ICMPv6 type.
        icmp_type_name: Rule<IcmpTypeName> = Rule::default(), Capture;
        /// ICMP or ICMPv6 code.
        icmp_code_name: Rule<IcmpCodeName> = Rule::default(), Capture;
    }
}

impl Filter {
    /// The same for a source of flows.
    #[must_use]
    pub fn to_core(&self) -> filter::Filter {
        let mut core = filter::Filter::default();
        for (side, from) in [
            (&mut core.source, &self.source),
            (&mut core.destination, &self.destination),
        ] {
            side.address = from.address.clone();
            side.port = from.port.clone();
        }
        let NetworkFilter {
            transport,
            ip_version,
            interface_name,
            interface_index,
            interface_mac,
        } = self.network.clone();
        core.network.transport = transport;
        core.network.ip_version = ip_version;
        core.network.interface_name = interface_name;
        core.network.interface_index = interface_index;
        core.network.interface_mac = interface_mac;
        let FlowFilter {
            connection_state,
            tcp_flags_tags,
            ip_dscp_name,
            ip_ecn_name,
            ip_ttl,
            ip_flow_label,
            icmp_type_name,
            icmp_code_name,
        } = self.flow.clone();
        core.flow.connection_state = connection_state;
        core.flow.tcp_flags_tags = tcp_flags_tags;
        core.flow.ip_dscp_name = ip_dscp_name;
        core.flow.ip_ecn_name = ip_ecn_name;
        core.flow.ip_ttl = ip_ttl;
        core.flow.ip_flow_label = ip_flow_label;
        core.flow.icmp_type_name = icmp_type_name;
        core.flow.icmp_code_name = icmp_code_name;
        core
    }
}
