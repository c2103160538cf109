//! Which flows are wanted.

use mermin_core::{
    Pattern,
    filter::{
        AddressPattern, ConnectionStateName, DscpName, EcnName, EndpointFilter, Filter, FlowFilter,
        FlowLabelRange, IcmpCodeName, IcmpTypeName, InterfaceIndexRange, IpVersion, NetworkFilter,
        PortRange, Rule, TtlRange,
    },
    flow::{MacAddress, Protocol, TcpFlags},
};

use crate::schema::core_section;

core_section! {
    /// Filters of flows. A flow passes if it matches all keys. One matching item of a list is enough, `not_match` overrides
    /// `match`, and an empty list matches everything. A new filter does not change the decision about an open flow.
    Filter, Labels {
        /// The side that started the flow, as far as the packets show it.
        source: EndpointFilter, Application;
        /// The other side.
        destination: EndpointFilter, Application;
        /// Protocols and interfaces.
        network: NetworkFilter, Application;
        /// Fields that may differ from one record of a flow to the next.
        flow: FlowFilter, Application;
    }
}

core_section! {
    /// One side of a flow.
    EndpointFilter, Nested {
        /// Addresses, networks and globs.
        address: Rule<AddressPattern>, Capture;
        /// Ports and port ranges. A flow without ports has no match.
        port: Rule<PortRange>, Capture;
    }
}

core_section! {
    /// Protocols and interfaces.
    NetworkFilter, Nested {
        /// The protocol above IP.
        transport: Rule<Protocol>, Capture;
        /// The IP version.
        ip_version "type": Rule<IpVersion>, Capture;
        /// Name of the interface at the start of the flow.
        interface_name: Rule<Pattern>, Capture;
        /// Kernel index of the interface.
        interface_index: Rule<InterfaceIndexRange>, Capture;
        /// MAC address on the source's side of the link.
        interface_mac: Rule<MacAddress>, Capture;
    }
}

core_section! {
    /// Fields that may differ from one record of a flow to the next.
    FlowFilter, Nested {
        /// TCP state at the time of the record. A flow of another protocol has no match.
        connection_state: Rule<ConnectionStateName>, Capture;
        /// TCP flags that the flow has had so far.
        tcp_flags_tags: Rule<TcpFlags>, Capture;
        /// Differentiated services code point.
        ip_dscp_name: Rule<DscpName>, Capture;
        /// Explicit congestion notification.
        ip_ecn_name: Rule<EcnName>, Capture;
        /// IPv4 time to live, IPv6 hop limit.
        ip_ttl: Rule<TtlRange>, Capture;
        /// IPv6 flow label.
        ip_flow_label: Rule<FlowLabelRange>, Capture;
        /// ICMP or ICMPv6 type.
        icmp_type_name: Rule<IcmpTypeName>, Capture;
        /// ICMP or ICMPv6 code.
        icmp_code_name: Rule<IcmpCodeName>, Capture;
    }
}
