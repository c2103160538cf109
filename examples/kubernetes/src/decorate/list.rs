//! The attributes of one end of a flow.

use std::{net::IpAddr, sync::Arc};

use mermin_core::flow::{AddedAttribute, AddedValue};

use super::{
    name::{Name, Names, Side},
    settings::Settings,
};
use crate::index::{Found, Index, Pod, Stored, Uid};

/// Makes the attributes of ends.
#[derive(Debug)]
pub(super) struct Lists {
    names: Names,
    settings: Settings,
    cluster_name: Option<Arc<str>>,
}

/// The list of one end, while it is made.
struct List<'a> {
    side: Side,
    lists: &'a Lists,
    attributes: Vec<AddedAttribute>,
}

impl List<'_> {
    fn put(&mut self, name: Name, text: &Arc<str>) {
        if self.lists.settings.has(name)
            && let Some(name) = self.lists.names.get(self.side, name)
        {
            self.attributes
                .push(AddedAttribute::new(name, Arc::clone(text)));
        }
    }

    /// Adds a uid, whose text is made anew each time.
    fn put_uid(&mut self, name: Name, uid: &Uid) {
        if self.lists.settings.has(name) {
            self.put(name, &uid.text());
        }
    }

    /// Adds labels and annotations of an object of this kind.
    fn extracted(&mut self, kind: &str, texts: &[(Arc<str>, Arc<str>)]) {
        for (name, text) in texts {
            let name = format!("{}.k8s.{kind}.{name}", self.side.as_str());
            self.attributes
                .push(AddedAttribute::new(name, Arc::clone(text)));
        }
    }
}

impl Lists {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            names: Names::new(),
            cluster_name: settings.cluster_name.as_deref().map(Into::into),
            settings,
        }
    }

    /// Returns the place of the name of the network that has an address.
    pub(super) fn network(&self, address: IpAddr) -> Option<usize> {
        let wanted = self.settings.has(Name::NetworkName);
        wanted.then(|| self.settings.networks.find(address))?
    }

    /// Returns the attributes of an end.
    pub(super) fn of(
        &self,
        index: &Index,
        side: Side,
        found: &Found<'_>,
        network: Option<usize>,
    ) -> Arc<[AddedAttribute]> {
        let mut list = List {
            side,
            lists: self,
            attributes: Vec::with_capacity(24),
        };
        if let Some(name) = network.and_then(|place| self.settings.networks.name(place)) {
            list.put(Name::NetworkName, name);
        }
        if found.is_none() {
            return list.attributes.into();
        }
        if let Some(name) = &self.cluster_name {
            list.put(Name::ClusterName, name);
        }
        if let Some(uid) = index.cluster_uid() {
            list.put(Name::ClusterUid, uid);
        }
        if let Some(node) = found.node {
            list.put(Name::NodeName, &node.name);
            list.put(Name::NodeUid, &node.uid);
            for (name, text) in [
                (Name::AvailabilityZone, &node.topology.zone),
                (Name::Region, &node.topology.region),
            ] {
                if let Some(text) = text {
                    list.put(name, text);
                }
            }
            list.extracted("node", &node.extracted);
        } else if let Some(node) = found.pod.and_then(|pod| pod.node.as_ref()) {
            // The node's own object may be missing, by a role that does not allow it.
            list.put(Name::NodeName, node);
        }
        namespace(&mut list, index, found);
        if let Some(pod) = found.pod {
            of_pod(&mut list, index, found, pod);
        }
        if let Some(service) = found.service {
            list.put(Name::ServiceName, &service.name);
            list.put_uid(Name::ServiceUid, &service.uid);
            list.extracted("service", &service.extracted);
        }
        if let Some(ingress) = found.ingress {
            list.put(Name::IngressName, &ingress.name);
        }
        if let Some(gateway) = found.gateway {
            list.put(Name::GatewayName, &gateway.name);
        }
        if let (Some(pod), true) = (found.pod, self.settings.policies) {
            // A policy restricts what a pod sends, or what it receives.
            let (name, ingress) = match side {
                Side::Source => ("network.policy.egress", false),
                Side::Destination => ("network.policy.ingress", true),
            };
            let policies = index.policies(pod, ingress);
            if !policies.is_empty() {
                let value: AddedValue = Arc::<[Arc<str>]>::from(policies).into();
                list.attributes.push(AddedAttribute::new(name, value));
            }
        }
        list.attributes.into()
    }
}

fn namespace(list: &mut List<'_>, index: &Index, found: &Found<'_>) {
    let name = found
        .pod
        .map(|it| &it.template.namespace)
        .or_else(|| found.service.map(|it| &it.namespace))
        .or_else(|| found.ingress.map(|it| &it.namespace))
        .or_else(|| found.gateway.map(|it| &it.namespace));
    let Some(name) = name else {
        return;
    };
    list.put(Name::NamespaceName, name);
    if let Some(namespace) = index.namespace(name) {
        list.put(Name::NamespaceUid, &namespace.uid);
        list.extracted("namespace", &namespace.extracted);
    }
}

fn of_pod(list: &mut List<'_>, index: &Index, found: &Found<'_>, pod: &Stored<Pod>) {
    list.put(Name::PodName, &pod.name);
    list.put_uid(Name::PodUid, &pod.uid);
    list.extracted("pod", &pod.template.extracted);
    if let Some(container) = found.container() {
        list.put(Name::ContainerName, &container.name);
        list.put(Name::RuntimeContainerName, &container.name);
        if !container.image.is_empty() {
            list.put(Name::ImageName, &container.image);
        }
    }
    for owner in index.owners(pod) {
        let [name, uid] = Name::of_owner(owner.kind);
        list.put(name, &owner.name);
        list.put(uid, &owner.uid);
    }
}
