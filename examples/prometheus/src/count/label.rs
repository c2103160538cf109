//! Labels of series.

use std::{fmt, net::IpAddr, sync::Arc};

use mermin_core::{
    Flow,
    flow::{Direction, EndReason, Endpoint, Protocol, TunnelKind},
};

/// A label, named like the attribute of a flow with `_` for `.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Label {
    /// `network_interface_name`.
    Interface,
    /// `network_transport`: the protocol's keyword or number.
    Transport,
    /// `network_type`: `ipv4` or `ipv6`.
    NetworkType,
    /// `source_address`.
    SourceAddress,
    /// `source_port`.
    SourcePort,
    /// `destination_address`.
    DestinationAddress,
    /// `destination_port`.
    DestinationPort,
    /// `flow_direction`: the relation of source and client.
    Direction,
    /// `flow_end_reason`.
    EndReason,
    /// `tunnel_type`.
    TunnelType,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 10] = [
        Self::Interface,
        Self::Transport,
        Self::NetworkType,
        Self::SourceAddress,
        Self::SourcePort,
        Self::DestinationAddress,
        Self::DestinationPort,
        Self::Direction,
        Self::EndReason,
        Self::TunnelType,
    ];

    /// Returns the label's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "network_interface_name",
            Self::Transport => "network_transport",
            Self::NetworkType => "network_type",
            Self::SourceAddress => "source_address",
            Self::SourcePort => "source_port",
            Self::DestinationAddress => "destination_address",
            Self::DestinationPort => "destination_port",
            Self::Direction => "flow_direction",
            Self::EndReason => "flow_end_reason",
            Self::TunnelType => "tunnel_type",
        }
    }

    /// Returns the label with a name, the inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str() == name)
    }

    pub(crate) fn value(self, flow: &Flow) -> Value {
        let port = |end: &Endpoint| end.port.map_or(Value::Absent, Value::Port);
        match self {
            Self::Interface => Value::name(&flow.interface.name),
            Self::Transport => Value::Transport(flow.protocol),
            Self::NetworkType => Value::NetworkType(flow.source.address.is_ipv6()),
            Self::SourceAddress => Value::Address(flow.source.address),
            Self::SourcePort => port(&flow.source),
            Self::DestinationAddress => Value::Address(flow.destination.address),
            Self::DestinationPort => port(&flow.destination),
            Self::Direction => Value::Direction(flow.direction),
            Self::EndReason => Value::EndReason(flow.end_reason),
            Self::TunnelType => flow
                .tunnel
                .as_ref()
                .map_or(Value::Absent, |tunnel| Value::Tunnel(tunnel.kind)),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A label's value. Values with the same text are equal, because Prometheus rejects a page with a duplicate series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// All flows without a series of their own.
    Other,
    /// A flow without this attribute. An empty label equals a missing one.
    Absent,
    Name(Arc<str>),
    Transport(Protocol),
    NetworkType(bool),
    Address(IpAddr),
    Port(u16),
    Direction(Direction),
    EndReason(EndReason),
    Tunnel(TunnelKind),
}

impl Value {
    fn name(name: &Arc<str>) -> Self {
        match &**name {
            OTHER => Self::Other,
            "" => Self::Absent,
            _ => Self::Name(Arc::clone(name)),
        }
    }
}

const OTHER: &str = "other";

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => f.write_str(OTHER),
            Self::Absent => Ok(()),
            Self::Name(name) => f.write_str(name),
            Self::Transport(protocol) => protocol.fmt(f),
            Self::NetworkType(ipv6) => f.write_str(if *ipv6 { "ipv6" } else { "ipv4" }),
            Self::Address(address) => address.fmt(f),
            Self::Port(port) => port.fmt(f),
            Self::Direction(direction) => direction.fmt(f),
            Self::EndReason(reason) => reason.fmt(f),
            Self::Tunnel(kind) => kind.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::flow::attributes::ALL;

    use super::*;

    #[test]
    fn labels_have_the_names_of_attributes() {
        for label in Label::ALL {
            let found = ALL
                .iter()
                .any(|attribute| attribute.name.replace('.', "_") == label.as_str());
            assert!(found, "{label}");
            assert_eq!(Label::from_name(label.as_str()), Some(label));
        }
        assert_eq!(Label::from_name("interface"), None);
    }

    #[test]
    fn interface_named_other_differs_from_the_overflow_series() {
        assert_eq!(Value::name(&"other".into()), Value::Other);
        assert_eq!(Value::name(&"eth0".into()).to_string(), "eth0");
    }
}
