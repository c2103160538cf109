//! Names of the endpoints of flows, by the attributes that the decoration gave them.

use std::{collections::HashMap, fmt, net::IpAddr, sync::Arc};

use mermin_core::{
    Flow,
    flow::{AddedAttribute, Endpoint},
};
use mermin_kubernetes::Name as Attribute;

/// A name of an end, as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Name {
    /// An object of Kubernetes, or a network.
    Object {
        kind: &'static str,
        namespace: Option<Arc<str>>,
        name: Arc<str>,
    },
    Address(IpAddr),
}

impl Name {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Object { kind, .. } => kind,
            Self::Address(_) => "address",
        }
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Object { namespace, .. } => namespace.as_deref(),
            Self::Address(_) => None,
        }
    }
}

/// Writes the name without its namespace.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { name, .. } => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Attributes that name an end, the most specific first, with the kind of the object.
const OWN: [(Attribute, &str); 5] = [
    (Attribute::PodName, "pod"),
    (Attribute::ServiceName, "service"),
    (Attribute::IngressName, "ingress"),
    (Attribute::GatewayName, "gateway"),
    (Attribute::NodeName, "node"),
];
/// Attributes that name the group of an end on the map, the best first: its workload, else the end itself, else its network.
const GROUP: [(Attribute, &str); 12] = [
    (Attribute::DeploymentName, "deployment"),
    (Attribute::StatefulSetName, "stateful set"),
    (Attribute::DaemonSetName, "daemon set"),
    (Attribute::CronJobName, "cron job"),
    (Attribute::JobName, "job"),
    (Attribute::ReplicaSetName, "replica set"),
    OWN[0],
    OWN[1],
    OWN[2],
    OWN[3],
    OWN[4],
    (Attribute::NetworkName, "network"),
];

/// Numbers of an end's names in [`Ends`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub(super) own: u32,
    pub(super) group: u32,
}

/// Names of the ends of one snapshot's flows, each once. Flows of the same objects share their attributes, so most ends cost one
/// look-up and no text.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Ends by address and by the place of their attributes in memory.
    known: HashMap<(IpAddr, usize), End>,
    /// Keeps these places from being used again.
    lists: Vec<Arc<[AddedAttribute]>>,
    names: Vec<Name>,
    numbers: HashMap<Name, u32>,
}

impl Ends {
    /// Returns source and destination of a flow.
    pub(super) fn both(&mut self, flow: &Flow) -> [End; 2] {
        let of = |side| {
            flow.added_attributes
                .iter()
                .find(|list| list.first().is_some_and(|it| it.name().starts_with(side)))
        };
        [
            self.end("source.", flow.source, of("source.")),
            self.end("destination.", flow.destination, of("destination.")),
        ]
    }

    /// Returns a name by its number.
    pub(super) fn name(&self, number: u32) -> &Name {
        &self.names[number as usize]
    }

    fn end(&mut self, side: &str, endpoint: Endpoint, list: Option<&Arc<[AddedAttribute]>>) -> End {
        let place = list.map_or(0, |list| Arc::as_ptr(list).cast::<()>().addr());
        let key = (endpoint.address, place);
        if let Some(end) = self.known.get(&key) {
            return *end;
        }
        let attributes = list.map_or(&[][..], |list| list);
        let mut named = |attributes_in_order: &[(Attribute, &'static str)]| {
            let name = object(side, attributes, attributes_in_order);
            self.number(name.unwrap_or(Name::Address(endpoint.address)))
        };
        let end = End {
            own: named(&OWN),
            group: named(&GROUP),
        };
        self.lists.extend(list.cloned());
        self.known.insert(key, end);
        end
    }

    fn number(&mut self, name: Name) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

/// Returns the first of these names that an end has.
fn object(
    side: &str,
    attributes: &[AddedAttribute],
    wanted: &[(Attribute, &'static str)],
) -> Option<Name> {
    let find = |attribute: Attribute| {
        attributes.iter().find(|it| {
            it.name()
                .strip_prefix(side)
                .is_some_and(|name| name == attribute.as_str())
        })
    };
    let (kind, found) = wanted
        .iter()
        .find_map(|(attribute, kind)| Some((*kind, find(*attribute)?)))?;
    let is_in_a_namespace = !matches!(kind, "node" | "network");
    let namespace = find(Attribute::NamespaceName).filter(|_| is_in_a_namespace);
    Some(Name::Object {
        kind,
        namespace: namespace.map(|it| it.text().into()),
        name: found.text().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::model::tests::flow;

    fn list(side: &str, attributes: &[(&str, &str)]) -> Arc<[AddedAttribute]> {
        attributes
            .iter()
            .map(|(name, value)| AddedAttribute::new(format!("{side}.{name}"), *value))
            .collect()
    }

    #[test]
    fn pod_has_its_name_and_is_grouped_by_its_workload() {
        let pod = [
            ("k8s.node.name", "n1"),
            ("k8s.namespace.name", "shop"),
            ("k8s.pod.name", "web-1"),
            ("k8s.deployment.name", "web"),
            ("k8s.replicaset.name", "web-5d"),
        ];
        let mut flow = flow(1, 1);
        flow.added_attributes = [list("source", &pod), list("destination", &pod[..1])].into();
        let mut ends = Ends::default();
        let [source, destination] = ends.both(&flow);
        let said = |number| {
            let name = ends.name(number);
            (name.kind(), name.namespace(), name.to_string())
        };
        assert_eq!(said(source.own), ("pod", Some("shop"), "web-1".to_owned()));
        assert_eq!(
            said(source.group),
            ("deployment", Some("shop"), "web".to_owned())
        );
        assert_eq!(said(destination.own), ("node", None, "n1".to_owned()));
        assert_eq!(destination.own, destination.group);
    }

    #[test]
    fn end_without_attributes_has_its_address() {
        let mut ends = Ends::default();
        let mut flow = flow(1, 1);
        let [source, destination] = ends.both(&flow);
        assert_eq!(ends.name(source.own).to_string(), "10.0.0.1");
        assert_ne!(source, destination);
        // The same name at the other side has the same number.
        std::mem::swap(&mut flow.source, &mut flow.destination);
        assert_eq!(ends.both(&flow), [destination, source]);
    }
}
