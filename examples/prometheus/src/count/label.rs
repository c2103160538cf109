//! Labels of series.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

use mermin_core::{
    Flow,
    flow::{Direction, EndReason, Endpoint, Protocol, TunnelKind},
};

/// A label, named like the attribute of a flow with `_` for `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// `process_executable_name`: the program at the source.
    SourceProcess,
    /// `flow_reverse_process_executable_name`: the program at the destination.
    DestinationProcess,
    /// `source_container_id`.
    SourceContainer,
    /// `destination_container_id`.
    DestinationContainer,
    /// `tls_client_server_name`.
    ServerName,
    /// `http_host`.
    HttpHost,
    /// `dns_question_name`.
    DnsName,
    /// An attribute that the application adds to records, by its name: `source.k8s.namespace.name` is the label
    /// `source_k8s_namespace_name`. Numbers are decimal; of a list, there are commas between texts.
    Added(Arc<str>),
}

impl Label {
    /// All labels but those of added attributes.
    pub const ALL: [Self; 17] = [
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
        Self::SourceProcess,
        Self::DestinationProcess,
        Self::SourceContainer,
        Self::DestinationContainer,
        Self::ServerName,
        Self::HttpHost,
        Self::DnsName,
    ];

    /// Returns the label's name. In that of an added attribute, `_` stands for what a label may not have.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Added(name) => return Cow::Owned(label_name(name)),
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
            Self::SourceProcess => "process_executable_name",
            Self::DestinationProcess => "flow_reverse_process_executable_name",
            Self::SourceContainer => "source_container_id",
            Self::DestinationContainer => "destination_container_id",
            Self::ServerName => "tls_client_server_name",
            Self::HttpHost => "http_host",
            Self::DnsName => "dns_question_name",
        })
    }

    /// Returns the label with a [name](Self::name), or of an attribute with a dot in its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name.contains('.') {
            let is_own = |known: &Self| known.name() == label_name(name);
            return Some(
                Self::ALL
                    .into_iter()
                    .find(is_own)
                    .unwrap_or_else(|| Self::Added(name.into())),
            );
        }
        Self::ALL.into_iter().find(|label| label.name() == name)
    }

    pub(crate) fn value(&self, flow: &Flow) -> Value {
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
            Self::Added(name) => flow
                .added_attribute(name)
                .map_or(Value::Absent, |it| Value::name(&it.text().into())),
            _ => self.text(flow).map_or(Value::Absent, Value::name),
        }
    }

    /// Returns a name that a flow has as such.
    fn text<'a>(&self, flow: &'a Flow) -> Option<&'a Arc<str>> {
        match self {
            Self::SourceProcess => flow.source_process.as_ref()?.executable.as_ref(),
            Self::DestinationProcess => flow.destination_process.as_ref()?.executable.as_ref(),
            Self::SourceContainer => flow.source_process.as_ref()?.container_id.as_ref(),
            Self::DestinationContainer => flow.destination_process.as_ref()?.container_id.as_ref(),
            Self::ServerName => flow
                .application
                .as_ref()?
                .tls
                .as_ref()?
                .server_name
                .as_ref(),
            Self::HttpHost => flow.application.as_ref()?.http_host.as_ref(),
            Self::DnsName => Some(&flow.application.as_ref()?.dns.as_ref()?.question),
            _ => None,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Returns the name of an attribute as that of a label: letters, digits and `_`.
fn label_name(attribute: &str) -> String {
    let kept = |character: char| character.is_ascii_alphanumeric();
    let name: String = attribute
        .chars()
        .map(|character| if kept(character) { character } else { '_' })
        .collect();
    // A digit may not be the first, names with two underscores in front are Prometheus' own, and `direction` is on each page.
    let is_taken = name.starts_with("__") || name == "direction";
    if is_taken || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("attribute_{}", name.trim_start_matches('_'))
    } else {
        name
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
    use mermin_core::{
        flow::{AddedAttribute, Application, Dns, Process, Tls, attributes::ALL},
        sink::testing::flows,
    };

    use super::*;

    #[test]
    fn labels_have_the_names_of_attributes() {
        for label in Label::ALL {
            let found = ALL
                .iter()
                .find(|attribute| attribute.name.replace('.', "_") == label.name());
            let attribute = found.unwrap_or_else(|| panic!("{label}"));
            assert_eq!(Label::from_name(&label.name()), Some(label.clone()));
            assert_eq!(Label::from_name(attribute.name), Some(label));
        }
        assert_eq!(Label::from_name("interface"), None);
    }

    #[test]
    fn programs_and_names_of_payloads_are_labels() {
        let mut flow = flows(1).remove(0);
        let values = |flow: &Flow| Label::ALL.map(|label| label.value(flow))[10..].to_vec();
        assert_eq!(values(&flow), vec![Value::Absent; 7]);
        for (side, name) in [
            (&mut flow.source_process, "curl"),
            (&mut flow.destination_process, "nginx"),
        ] {
            let mut process = Process::new(1);
            process.executable = Some(name.into());
            process.container_id = Some(format!("{name}-id").into());
            *side = Some(process.into());
        }
        let mut application = Application::default();
        let mut tls = Tls::default();
        tls.server_name = Some("tls.example".into());
        application.tls = Some(tls);
        application.http_host = Some("web.example".into());
        application.dns = Some(Dns::new("dns.example", 1));
        flow.application = Some(application.into());
        let texts: Vec<String> = values(&flow).iter().map(Value::to_string).collect();
        let expected = "curl nginx curl-id nginx-id tls.example web.example dns.example";
        assert_eq!(texts.join(" "), expected);
    }

    #[test]
    fn added_attributes_are_labels() {
        let mut flow = flows(1).remove(0);
        let names: Arc<[Arc<str>]> = ["a", "b"].map(Arc::from).into();
        let list: Arc<[_]> = [
            AddedAttribute::new("source.k8s.pod.name", "web-1"),
            AddedAttribute::new("network.policies.ingress", names),
            AddedAttribute::new("rack/row", 7),
            AddedAttribute::new("tenant.name", "other"),
        ]
        .into();
        flow.added_attributes = [list].into();
        for (attribute, label, value) in [
            ("source.k8s.pod.name", "source_k8s_pod_name", "web-1"),
            (
                "network.policies.ingress",
                "network_policies_ingress",
                "a,b",
            ),
            ("rack/row", "rack_row", "7"),
            ("destination.k8s.pod.name", "destination_k8s_pod_name", ""),
            ("tenant.name", "tenant_name", "other"),
        ] {
            let added = Label::Added(attribute.into());
            assert_eq!(added.name(), label);
            assert_eq!(added.value(&flow).to_string(), value);
        }
        assert_eq!(
            Label::Added("tenant.name".into()).value(&flow),
            Value::Other
        );
        assert_eq!(Label::Added("7.a".into()).name(), "attribute_7_a");
        assert_eq!(Label::Added("__a".into()).name(), "attribute_a");
        let name = "source.k8s.pod.name";
        assert_eq!(Label::from_name(name), Some(Label::Added(name.into())));
    }

    #[test]
    fn interface_named_other_differs_from_the_overflow_series() {
        assert_eq!(Value::name(&"other".into()), Value::Other);
        assert_eq!(Value::name(&"eth0".into()).to_string(), "eth0");
    }
}
