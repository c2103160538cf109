//! Objects that the cluster no longer has: told by events, or missing from a list.

use super::{Index, places::Places, pod};
use crate::{Kind, Moment, api::Object};

impl Index {
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

    /// Notes that the cluster no longer has an object, of which nothing but the uid can be read. An object of the same name
    /// with another uid stays.
    pub fn remove_uid(&mut self, kind: Kind, uid: &str, now: Moment) {
        if let Some(slot) = self.find(kind, uid) {
            self.retire(kind, slot, None, now, now);
        }
    }

    /// Notes that the cluster has an object, of which nothing but the uid can be read: its last version stays, beyond the end
    /// of a list as well.
    pub fn keep_uid(&mut self, kind: Kind, uid: &str) {
        match kind {
            Kind::Pod => self.pods.store.keep(uid),
            Kind::Service => self.services.store.keep(uid),
            Kind::EndpointSlice => self.services.keep_slice(uid),
            Kind::ReplicaSet => self.owners.replica_sets.keep(uid),
            Kind::Job => self.owners.jobs.keep(uid),
            Kind::NetworkPolicy => self.policies.store.keep(uid),
            Kind::Node | Kind::Namespace | Kind::Ingress | Kind::Gateway => {
                self.places_mut(kind).store.keep(uid);
            }
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
}

impl Index {
    pub(super) fn places(&self, kind: Kind) -> &Places {
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

    pub(super) fn find(&self, kind: Kind, uid: &str) -> Option<u32> {
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
            Kind::ReplicaSet => self.owners.replica_sets.retire(slot),
            Kind::Job => self.owners.jobs.retire(slot),
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
