//! Filters of flows and records.
//!
//! A [`Filter`] has a [`Rule`] for each field that it can examine. A rule has an allow list (`match` in a
//! configuration file) and a deny list (`not_match`). An empty allow list allows everything; otherwise one item must
//! match. The deny list takes precedence. All rules must hold.
//!
//! ```
//! use mermin_core::filter::{Filter, Rule};
//!
//! let mut filter = Filter::default();
//! filter.source.address = Rule::matching(["10.0.0.0/8", "fd00::/8"])?.except(["10.0.0.1"])?;
//! filter.destination.port = Rule::not_matching(["53", "8000-8999"])?;
//! filter.network.transport = Rule::matching(["tcp", "udp"])?;
//! # Ok::<(), mermin_core::Error>(())
//! ```

mod address;
mod admit;
mod decision;
mod name;
mod number;
mod parse;
mod prepared;
mod rule;
mod text;

pub use self::{
    address::AddressPattern,
    name::{ConnectionState, Dscp, Ecn, IcmpCode, IcmpType, Name, Vocabulary},
    number::{Bound, FlowLabel, InterfaceIndex, NumberRange, Port, Ttl},
    rule::Rule,
};

pub(crate) use self::{
    admit::FlowFields,
    decision::{FilterDecision, Filters},
};

use crate::{
    flow::{MacAddress, Protocol, TcpFlags},
    iface::Pattern,
};

/// Ports and ranges of them: `443`, `8000-8999`.
pub type PortRange = NumberRange<Port>;
/// Interface indices and ranges of them.
pub type InterfaceIndexRange = NumberRange<InterfaceIndex>;
/// Times to live and ranges of them: `1-63`.
pub type TtlRange = NumberRange<Ttl>;
/// Flow labels and ranges of them.
pub type FlowLabelRange = NumberRange<FlowLabel>;
/// States of a TCP connection: `established`, `fin_wait_*`.
pub type ConnectionStateName = Name<ConnectionState>;
/// Differentiated services code points: `ef`, `af4*`, `46`.
pub type DscpName = Name<Dscp>;
/// ECN code points: `ce`, `ect*`.
pub type EcnName = Name<Ecn>;
/// ICMP and `ICMPv6` types: `echo_request`, `128`.
pub type IcmpTypeName = Name<IcmpType>;
/// ICMP and `ICMPv6` codes: `port_unreachable`, `host_*`.
pub type IcmpCodeName = Name<IcmpCode>;

/// A filter of flows and records. The default admits everything.
///
/// Source and destination are those of the record ([`Flow::source`](crate::Flow::source)). Rules of [`source`](Self::source),
/// [`destination`](Self::destination) and [`network`](Self::network) decide about a flow once, when it begins, and the
/// decision holds until the flow ends. Rules of [`flow`](Self::flow) decide about each record. Rejected packets are counted under the reason `filtered`, see
/// [`Ignored`](crate::report::Ignored).
///
/// ```
/// use mermin_core::{Filter, FlowSource, filter::Rule};
///
/// let mut filter = Filter::default();
/// filter.destination.port = Rule::matching(["443", "8000-8999"])?;
/// filter.flow.connection_state = Rule::not_matching(["syn_sent"])?;
/// let source = FlowSource::builder().filter(filter);
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// The record's source: the side that started the flow, as far as the packets show it.
    pub source: EndpointFilter,
    /// The record's destination.
    pub destination: EndpointFilter,
    /// Protocols and interface.
    pub network: NetworkFilter,
    /// Fields that may differ from one record of a flow to the next.
    pub flow: FlowFilter,
}

/// Rules for one side of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointFilter {
    /// Addresses, networks and globs (`source.address`, `destination.address`).
    pub address: Rule<AddressPattern>,
    /// Ports and ranges of ports (`source.port`, `destination.port`). A flow without ports matches no item.
    pub port: Rule<PortRange>,
}

/// Rules for protocols and interface of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkFilter {
    /// The protocol above IP (`network.transport`), by IANA's keyword or its number. ICMP for IPv6 is a separate
    /// protocol: `icmp` does not match `ipv6-icmp`.
    pub transport: Rule<Protocol>,
    /// The IP version (`network.type`).
    pub ip_version: Rule<IpVersion>,
    /// Name of the interface when the decision is made (`network.interface.name`).
    pub interface_name: Rule<Pattern>,
    /// Kernel index of the interface (`network.interface.index`).
    pub interface_index: Rule<InterfaceIndexRange>,
    /// MAC address on the source's side of the link (`network.interface.mac`). A flow on a link without MAC addresses
    /// matches no item.
    pub interface_mac: Rule<MacAddress>,
}

/// Rules for records. Some fields have a value for each direction. Such a field matches an item if the value of either
/// direction does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowFilter {
    /// TCP state at the time of the record (`flow.connection.state`). A record without a state (any protocol
    /// but TCP) matches no item. This holds for all fields of this struct: if a record lacks the field, it matches no item.
    pub connection_state: Rule<ConnectionStateName>,
    /// TCP flags seen so far (`flow.tcp.flags.tags`). An item with several flags (`SYN|ACK`) requires all of them.
    pub tcp_flags_tags: Rule<TcpFlags>,
    /// Differentiated services code point (`flow.ip.dscp.name`), by name or number.
    pub ip_dscp_name: Rule<DscpName>,
    /// Explicit congestion notification (`flow.ip.ecn.name`), by name or number.
    pub ip_ecn_name: Rule<EcnName>,
    /// IPv4 time to live, IPv6 hop limit (`flow.ip.ttl`).
    pub ip_ttl: Rule<TtlRange>,
    /// IPv6 flow label (`flow.ip.flow_label`).
    pub ip_flow_label: Rule<FlowLabelRange>,
    /// ICMP or `ICMPv6` type (`flow.icmp.type.name`), by name or number.
    pub icmp_type_name: Rule<IcmpTypeName>,
    /// ICMP or `ICMPv6` code (`flow.icmp.code.name`), by name or number.
    pub icmp_code_name: Rule<IcmpCodeName>,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4 (RFC 791).
    V4,
    /// IPv6 (RFC 8200).
    V6,
}
