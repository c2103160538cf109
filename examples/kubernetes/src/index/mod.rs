//! Kubernetes objects by what a flow shows of them: addresses, ports, containers. Nothing here waits or reads a clock.

mod addresses;
mod lookup;
mod owners;
mod places;
mod pod;
mod pods;
mod policies;
mod pool;
mod selector;
mod services;
mod shared;
mod store;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use self::{
    lookup::End,
    owners::{Owner, OwnerKind},
};
pub(crate) use self::{lookup::Found, places::Place, pod::Pod};
use self::{
    owners::Owners, places::Places, pods::Pods, policies::Policies, services::Services,
    shared::Shared,
};
use crate::{
    Extract, Kind, Moment,
    api::{Bare, Object},
};

/// Kubernetes objects by what a flow shows of them.
///
/// Each change is applied to the object alone; nothing is built again. Objects that the cluster no longer has remain for a
/// while, because a record tells about the past.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use mermin_kubernetes::{Extract, Index, Kind, Moment, api::Object};
///
/// let mut index = Index::new(Extract::default(), Duration::from_secs(300));
/// let json = r#"{"metadata": {"name": "web-0", "namespace": "shop", "uid": "7"},
///     "status": {"phase": "Running", "podIP": "10.0.0.9"}}"#;
/// let now = Moment::from(SystemTime::now());
/// index.apply(&Object::parse(Kind::Pod, json)?, now);
/// assert_eq!(index.present(Kind::Pod), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Index {
    shared: Shared,
    pods: Pods,
    services: Services,
    nodes: Places,
    namespaces: Places,
    ingresses: Places,
    gateways: Places,
    owners: Owners,
    policies: Policies,
    retention: Duration,
    /// Changes with every change of an object that names of other objects' ends depend on.
    surroundings: u64,
}

impl Index {
    /// Creates an empty index. It keeps objects for this time after the cluster has deleted them: longer than the active
    /// timeout of flows, and the time that records wait.
    #[must_use]
    pub fn new(extract: Extract, retention: Duration) -> Self {
        Self {
            shared: Shared::new(extract),
            pods: Pods::default(),
            services: Services::default(),
            nodes: Places::new(Kind::Node),
            namespaces: Places::new(Kind::Namespace),
            ingresses: Places::new(Kind::Ingress),
            gateways: Places::new(Kind::Gateway),
            owners: Owners::default(),
            policies: Policies::default(),
            retention,
            surroundings: 0,
        }
    }

    /// Enters an object that the cluster has, or a new version of it, as of this time.
    pub fn apply(&mut self, object: &Object, now: Moment) {
        let shared = &mut self.shared;
        match object {
            Object::Pod(pod) => return self.pods.apply(pod, shared, &self.policies, now),
            Object::Node(node) => {
                let before = self.nodes.named(&node.metadata.name).map(|it| it.revision);
                self.nodes.apply(node, shared, now);
                let after = self.nodes.named(&node.metadata.name).map(|it| it.revision);
                if before == after {
                    return;
                }
            }
            Object::Service(service) => self.services.apply(service, shared, now),
            Object::EndpointSlice(slice) => return self.services.apply_slice(slice, shared),
            Object::ReplicaSet(it) | Object::Job(it) => {
                if !self.apply_owner(object.kind(), it) {
                    return;
                }
            }
            Object::Namespace(it) => self
                .namespaces
                .put(&it.metadata, Box::default(), shared, now),
            Object::NetworkPolicy(policy) => {
                let slot = self.policies.apply(policy, shared);
                let namespace = &policy.metadata.namespace;
                return self.pods.select(slot, namespace, &self.policies, shared);
            }
            Object::Ingress(it) => return self.ingresses.apply(it, shared, now),
            Object::Gateway(it) => return self.gateways.apply(it, shared, now),
        }
        self.surroundings += 1;
    }

    /// Returns false if the object names the same owner as before: status changes are much more frequent.
    fn apply_owner(&mut self, kind: Kind, object: &Bare) -> bool {
        let metadata = &object.metadata;
        let owner = Owner::of(metadata.controller(), &mut self.shared.texts);
        let store = match kind {
            Kind::Job => &mut self.owners.jobs,
            _ => &mut self.owners.replica_sets,
        };
        let known = store.find(&metadata.uid).and_then(|slot| store.get(slot));
        let changed = known != Some(&owner);
        store.put(metadata.uid.as_str().into(), owner);
        changed
    }

    /// Notes the last version of an object, and that the cluster no longer has it.
    pub fn remove(&mut self, object: &Object, now: Moment) {
        let end = match object {
            // The last version has the end of the containers.
            Object::Pod(pod) => {
                self.apply(object, now);
                pod::ended(pod)
            }
            _ => None,
        };
        if let Some(slot) = self.find(object.kind(), &object.metadata().uid) {
            self.retire(object.kind(), slot, end, now, now);
        }
    }

    /// Begins a complete list of the objects of a kind.
    pub fn begin_list(&mut self, kind: Kind) {
        match kind {
            Kind::Pod => self.pods.store.begin_list(),
            Kind::Service => self.services.store.begin_list(),
            Kind::EndpointSlice => self.services.begin_slices(),
            Kind::ReplicaSet => self.owners.replica_sets.begin_list(),
            Kind::Job => self.owners.jobs.begin_list(),
            Kind::NetworkPolicy => self.policies.store.begin_list(),
            Kind::Node | Kind::Namespace | Kind::Ingress | Kind::Gateway => {
                self.places_mut(kind).store.begin_list();
            }
        }
    }

    /// Ends a complete list: the cluster no longer has objects that were not in it. Nobody told when they went; `last_known` is
    /// the last time at which they were surely there.
    pub fn finish_list(&mut self, kind: Kind, last_known: Moment, now: Moment) {
        let missing = match kind {
            Kind::Pod => self.pods.store.missing(),
            Kind::Service => self.services.store.missing(),
            Kind::EndpointSlice => self.services.missing_slices(),
            Kind::ReplicaSet => self.owners.replica_sets.missing(),
            Kind::Job => self.owners.jobs.missing(),
            Kind::NetworkPolicy => self.policies.store.missing(),
            Kind::Node | Kind::Namespace | Kind::Ingress | Kind::Gateway => {
                self.places(kind).store.missing()
            }
        };
        for slot in missing {
            self.retire(kind, slot, None, last_known, now);
        }
    }

    /// Forgets all objects of a kind, after the time for which objects are kept: nobody has confirmed them for too long.
    pub fn clear(&mut self, kind: Kind, last_known: Moment, now: Moment) {
        self.begin_list(kind);
        self.finish_list(kind, last_known, now);
    }

    /// Removes objects that the cluster has not had for longer than they are kept.
    pub fn expire(&mut self, now: Moment) {
        let limit = now.before(self.retention);
        while let Some((at, kind, slot)) = self.shared.retired.front().copied() {
            if at > limit {
                return;
            }
            self.shared.retired.pop_front();
            self.drop_retired(kind, slot);
        }
    }

    /// Returns the number of objects that the cluster has.
    #[must_use]
    pub fn present(&self, kind: Kind) -> usize {
        match kind {
            Kind::Pod => self.pods.store.present(),
            Kind::Service => self.services.store.present(),
            Kind::EndpointSlice => self.services.slices(),
            Kind::ReplicaSet => self.owners.replica_sets.present(),
            Kind::Job => self.owners.jobs.present(),
            Kind::NetworkPolicy => self.policies.store.present(),
            Kind::Node | Kind::Namespace | Kind::Ingress | Kind::Gateway => {
                self.places(kind).store.present()
            }
        }
    }

    /// Returns the uid of the namespace `kube-system`, which identifies the cluster.
    #[must_use]
    pub fn cluster_uid(&self) -> Option<&Arc<str>> {
        self.namespaces.named("kube-system").map(|it| &it.uid)
    }
}

/// The ends of objects.
impl Index {
    fn places(&self, kind: Kind) -> &Places {
        match kind {
            Kind::Namespace => &self.namespaces,
            Kind::Ingress => &self.ingresses,
            Kind::Gateway => &self.gateways,
            _ => &self.nodes,
        }
    }

    fn places_mut(&mut self, kind: Kind) -> &mut Places {
        match kind {
            Kind::Namespace => &mut self.namespaces,
            Kind::Ingress => &mut self.ingresses,
            Kind::Gateway => &mut self.gateways,
            _ => &mut self.nodes,
        }
    }

    fn find(&self, kind: Kind, uid: &str) -> Option<u32> {
        match kind {
            Kind::Pod => self.pods.store.find(uid),
            Kind::Service => self.services.store.find(uid),
            Kind::EndpointSlice => self.services.find_slice(uid),
            Kind::ReplicaSet => self.owners.replica_sets.find(uid),
            Kind::Job => self.owners.jobs.find(uid),
            Kind::NetworkPolicy => self.policies.store.find(uid),
            Kind::Node | Kind::Namespace | Kind::Ingress | Kind::Gateway => {
                self.places(kind).store.find(uid)
            }
        }
    }

    /// Retires an object that ended at a time. Endpoint slices and policies tell nothing about the past, so they go at once.
    fn retire(&mut self, kind: Kind, slot: u32, end: Option<Moment>, at: Moment, now: Moment) {
        let shared = &mut self.shared;
        let is_new = match kind {
            Kind::EndpointSlice => return self.services.remove_slice(slot),
            Kind::NetworkPolicy => {
                if let Some(namespace) = self.policies.remove(slot) {
                    self.pods.select(slot, &namespace, &self.policies, shared);
                }
                return;
            }
            Kind::Pod => self.pods.retire(slot, end, at, shared),
            Kind::Service => self.services.retire(slot, at, shared),
            Kind::ReplicaSet => self.owners.replica_sets.retire(slot, at),
            Kind::Job => self.owners.jobs.retire(slot, at),
            Kind::Node => self.nodes.retire(slot, at, shared),
            Kind::Namespace => self.namespaces.retire(slot, at, shared),
            Kind::Ingress => self.ingresses.retire(slot, at, shared),
            Kind::Gateway => self.gateways.retire(slot, at, shared),
        };
        if is_new {
            self.shared.retired.push_back((now, kind, slot));
        }
    }

    /// Removes a retired object, unless it came back.
    fn drop_retired(&mut self, kind: Kind, slot: u32) {
        let shared = &mut self.shared;
        match kind {
            Kind::Pod if self.pods.store.is_retired(slot) => {
                return self.pods.remove(slot, shared);
            }
            Kind::Service if self.services.store.is_retired(slot) => {
                self.services.remove(slot, &mut shared.addresses);
            }
            Kind::ReplicaSet if self.owners.replica_sets.is_retired(slot) => {
                self.owners.replica_sets.remove(slot);
            }
            Kind::Job if self.owners.jobs.is_retired(slot) => {
                self.owners.jobs.remove(slot);
            }
            Kind::Node if self.nodes.store.is_retired(slot) => self.nodes.remove(slot, shared),
            Kind::Namespace if self.namespaces.store.is_retired(slot) => {
                self.namespaces.remove(slot, shared);
            }
            Kind::Ingress if self.ingresses.store.is_retired(slot) => {
                self.ingresses.remove(slot, shared);
            }
            Kind::Gateway if self.gateways.store.is_retired(slot) => {
                self.gateways.remove(slot, shared);
            }
            _ => return,
        }
        self.surroundings += 1;
    }
}
