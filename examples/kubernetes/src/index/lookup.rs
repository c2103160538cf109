//! From an end of a flow to the objects there.

use std::{net::IpAddr, time::Duration};

use mermin_core::{Flow, flow::Protocol};

use super::{
    Index,
    addresses::{Role, Tenure},
    owners::Owner,
    places::Place,
    pod::{Container, Pod},
    policies::Policy,
    services::Service,
    store::Stored,
};
use crate::Moment;

/// One end of a flow, and the time in which the flow ran.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct End<'a> {
    /// Its address.
    pub address: IpAddr,
    /// Its port, and IANA's number of the protocol.
    pub port: Option<(u16, u8)>,
    /// The flow's first packet.
    pub start: Moment,
    /// The flow's last packet so far.
    pub end: Moment,
    /// The container of the local process at this end, if it is known.
    pub container_id: Option<&'a str>,
}

impl<'a> End<'a> {
    /// Returns the source and the destination of a flow.
    #[must_use]
    pub fn both(flow: &'a Flow) -> [Self; 2] {
        let Protocol(protocol) = flow.protocol;
        let [start, end] = [flow.start, flow.end].map(Moment::from);
        [
            (&flow.source, &flow.source_process),
            (&flow.destination, &flow.destination_process),
        ]
        .map(|(endpoint, process)| Self {
            address: endpoint.address,
            port: endpoint.port.map(|port| (port, protocol)),
            start,
            end,
            container_id: process.as_ref().and_then(|it| it.container_id.as_deref()),
        })
    }
}

/// The objects at an end of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found<'a> {
    pub(crate) pod: Option<&'a Stored<Pod>>,
    /// Place of the container in its pod.
    pub(crate) container: Option<usize>,
    pub(crate) node: Option<&'a Place>,
    pub(crate) service: Option<&'a Stored<Service>>,
    pub(crate) ingress: Option<&'a Place>,
    pub(crate) gateway: Option<&'a Place>,
}

impl Found<'_> {
    pub(crate) const fn is_none(&self) -> bool {
        self.pod.is_none()
            && self.node.is_none()
            && self.service.is_none()
            && self.ingress.is_none()
            && self.gateway.is_none()
    }

    pub(crate) fn container(&self) -> Option<&Container> {
        self.pod?.template.containers.get(self.container?)
    }
}

/// The clocks of nodes and of the API server differ, and objects have whole seconds. So a flow this long before or after a
/// tenure (the time in which an object had an address) may still belong to its holder, if no other tenure fits better.
const NEAR: Duration = Duration::from_secs(10);

/// How well a tenure fits the time of a flow; the greatest fits best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Near,
    /// It covers some of the flow.
    Overlaps,
    /// It covers the flow's first packet.
    Covers,
    /// It covers the first packet, and the object itself reported its end: nobody else can have had the address then.
    CoversExactly,
}

fn fit(tenure: &Tenure, end: &End<'_>) -> Option<Fit> {
    if tenure.from <= end.start && end.start <= tenure.to {
        return Some(if tenure.exact {
            Fit::CoversExactly
        } else {
            Fit::Covers
        });
    }
    if tenure.from <= end.end && end.start <= tenure.to {
        return Some(Fit::Overlaps);
    }
    let near = tenure.from.before(NEAR) <= end.end && end.start <= tenure.to.after(NEAR);
    near.then_some(Fit::Near)
}

impl Index {
    /// Returns namespace and name of the pod at an end of a flow, as it was while the flow ran.
    #[must_use]
    pub fn pod(&self, end: &End<'_>) -> Option<(&str, &str)> {
        let pod = self.find_end(end).pod?;
        Some((&pod.template.namespace, &pod.name))
    }

    /// Returns the objects at an end of a flow, as they were while it ran.
    pub(crate) fn find_end(&self, end: &End<'_>) -> Found<'_> {
        let by_container = end.container_id.and_then(|id| self.pods.of_container(id));
        let tenures = self.shared.addresses.of(end.address);
        let by_container_slot = by_container.map(|(slot, _)| slot);
        let pod = by_container_slot.or_else(|| {
            // One that is only near the flow in time has lost the address to any other object that had it then.
            let near = || !is_of_another_kind(tenures, end);
            let (fit, slot) = self.pod_among(tenures, end)?;
            (fit > Fit::Near || near()).then_some(slot)
        });
        let mut found = Found::default();
        if let Some(pod) = pod.and_then(|slot| self.pods.store.stored(slot)) {
            self.add_pod(&mut found, pod, end);
            if let Some((_, place)) = by_container {
                found.container = Some(place);
            }
            found.service = end
                .port
                .and_then(|port| self.services.of_endpoint(end.address, port));
            return found;
        }
        self.add_others(&mut found, tenures, end);
        found
    }

    fn add_pod<'a>(&'a self, found: &mut Found<'a>, pod: &'a Stored<Pod>, end: &End<'_>) {
        found.pod = Some(pod);
        found.container = pod.container_at(end.port);
        found.node = pod.node.as_deref().and_then(|name| self.nodes.named(name));
    }

    /// Returns the pod that had the address or port. Of several, that is the one whose tenure fits the flow best; of these, a running
    /// one before a terminating one, before a finished one (it keeps its address in its status, and another pod may have it by now),
    /// before a deleted one; then the one that got it last. The order in which events and lists arrive decides nothing.
    fn pod_among(&self, tenures: &[Tenure], end: &End<'_>) -> Option<(Fit, u32)> {
        let fitting = tenures.iter().filter_map(|tenure| {
            let slot = tenure.slot_as(Role::Pod)?;
            let life = self.pods.store.get(slot)?.life;
            let key = (fit(tenure, end)?, std::cmp::Reverse(life), tenure.from);
            Some((key, slot))
        });
        fitting
            .max_by_key(|(key, _)| *key)
            .map(|((fit, ..), slot)| (fit, slot))
    }

    /// Adds a service, a node, an ingress and a gateway that had the address.
    fn add_others<'a>(&'a self, found: &mut Found<'a>, tenures: &[Tenure], end: &End<'_>) {
        if let Some(slot) = only(tenures, end, Role::ClusterIp) {
            found.service = self.services.store.stored(slot);
            return;
        }
        let node = only(tenures, end, Role::Node);
        found.node = node.and_then(|slot| self.nodes.store.get(slot));
        found.service = self.external_service(tenures, end);
        if let (Some(node), Some(port)) = (found.node, end.port) {
            let pod = self.pod_among(self.pods.at_node_port(&node.name, port), end);
            if let Some(pod) = pod.and_then(|(_, slot)| self.pods.store.stored(slot)) {
                self.add_pod(found, pod, end);
            }
            let service = found.service;
            found.service = service
                .or_else(|| self.services.at_node_port(port))
                .or_else(|| self.services.of_endpoint(end.address, port));
        }
        let place = |found: Option<u32>, places: &'a super::Places| {
            found.and_then(|slot| places.store.get(slot))
        };
        found.ingress = place(only(tenures, end, Role::Ingress), &self.ingresses);
        found.gateway = place(only(tenures, end, Role::Gateway), &self.gateways);
    }

    /// Returns the only service with this external address and port.
    fn external_service(&self, tenures: &[Tenure], end: &End<'_>) -> Option<&Stored<Service>> {
        let port = end.port?;
        let slots = tenures.iter().filter_map(|tenure| {
            let slot = tenure.slot_as(Role::ExternalIp)?;
            (fit(tenure, end) > Some(Fit::Near)).then_some(slot)
        });
        let services = slots.filter_map(|slot| self.services.store.stored(slot));
        let mut fitting = services.filter(|service| service.has_port(port));
        let first = fitting.next()?;
        fitting
            .all(|other| std::ptr::eq(other, first))
            .then_some(first)
    }

    /// Returns the owners of a pod, the nearest first.
    pub(crate) fn owners<'a>(&'a self, pod: &'a Pod) -> impl Iterator<Item = &'a Owner> {
        self.owners.chain(pod.template.owner.as_ref())
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Place> {
        self.namespaces.named(name)
    }

    /// Returns the names of the policies that select a pod, for one direction.
    pub(crate) fn policies(&self, pod: &Pod, ingress: bool) -> Vec<std::sync::Arc<str>> {
        let policies = pod
            .policies
            .iter()
            .filter_map(|slot| self.policies.store.get(*slot));
        // A deleted pod may still list the slot of a deleted policy, and another policy may be in that slot now.
        let selecting = policies.filter(|it: &&Policy| {
            it.namespace == pod.template.namespace && it.selector.matches(&pod.template.labels)
        });
        let applying = selecting.filter(|it| if ingress { it.ingress } else { it.egress });
        let mut names: Vec<_> = applying.map(|it| std::sync::Arc::clone(&it.name)).collect();
        names.sort();
        names
    }

    /// Returns a number that changes with every object that many ends depend on: owners, nodes, namespaces, services.
    pub(crate) const fn surroundings(&self) -> u64 {
        self.surroundings
    }
}

/// Returns true if an object that is no pod had the address while the flow ran.
fn is_of_another_kind(tenures: &[Tenure], end: &End<'_>) -> bool {
    tenures
        .iter()
        .any(|tenure| tenure.slot_as(Role::Pod).is_none() && fit(tenure, end) > Some(Fit::Near))
}

/// Returns the one holder in a role that fits best. Two nodes or services that claim an address at the same time are both
/// left out: a guess would be wrong half of the time.
fn only(tenures: &[Tenure], end: &End<'_>, role: Role) -> Option<u32> {
    let mut best: Option<(Fit, u32)> = None;
    let mut several = false;
    for tenure in tenures {
        let (Some(slot), Some(fit)) = (tenure.slot_as(role), fit(tenure, end)) else {
            continue;
        };
        match best {
            Some((so_far, other)) if fit == so_far => several |= other != slot,
            Some((so_far, _)) if fit < so_far => {}
            _ => (best, several) = (Some((fit, slot)), false),
        }
    }
    best.filter(|_| !several).map(|(_, slot)| slot)
}
