//! An index of Kubernetes objects by the fields that a flow has: addresses, ports, containers. Nothing here waits or reads a clock.

mod addresses;
mod deletion;
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
mod uid;

use std::{sync::Arc, time::Duration};

pub use self::{
    lookup::End,
    owners::{Owner, OwnerKind},
};
pub(crate) use self::{lookup::Found, places::Place, pod::Pod, store::Stored, uid::Uid};
use self::{
    owners::Owners, places::Places, pods::Pods, policies::Policies, services::Services,
    shared::Shared, store::Uids as _,
};
use crate::{
    Extract, Kind, Moment,
    api::{Bare, Object},
};

/// An index of Kubernetes objects by addresses, ports and containers.
///
/// A change of an object updates only that object's entries. Deleted objects remain for a while, because a record is about the past.
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
    /// A number that increases with each change of an object on which the names of other objects depend.
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
        store.put(&metadata.uid, owner);
        changed
    }

    /// Returns the number of objects that the cluster has.
    #[must_use]
    pub fn present(&self, kind: Kind) -> usize {
        self.store(kind).present()
    }

    /// Returns the uid of the namespace `kube-system`, which identifies the cluster.
    #[must_use]
    pub fn cluster_uid(&self) -> Option<&Arc<str>> {
        self.namespaces.named("kube-system").map(|it| &it.uid)
    }
}
