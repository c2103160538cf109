//! Objects that the cluster no longer has: reported by events, or missing from a list.

use super::{Index, pod, store::Uids};
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
        if let Some(slot) = self.store(object.kind()).find(&object.metadata().uid) {
            self.retire(object.kind(), slot, end, now, now);
        }
    }

    /// Notes that the cluster no longer has an object, of which nothing but the uid can be read. An object of the same name
    /// with another uid stays.
    pub fn remove_uid(&mut self, kind: Kind, uid: &str, now: Moment) {
        if let Some(slot) = self.store(kind).find(uid) {
            self.retire(kind, slot, None, now, now);
        }
    }

    /// Notes that the cluster has an object, of which nothing but the uid can be read: its last version stays, beyond the end
    /// of a list as well.
    pub fn keep_uid(&mut self, kind: Kind, uid: &str) {
        self.store_mut(kind).keep(uid);
    }

    /// Begins a complete list of the objects of a kind.
    pub fn begin_list(&mut self, kind: Kind) {
        self.store_mut(kind).begin_list();
    }

    /// Ends a complete list: the cluster no longer has objects that were not in it. Nobody reported when they went; `last_known` is
    /// the last time at which they were surely there.
    pub fn finish_list(&mut self, kind: Kind, last_known: Moment, now: Moment) {
        for slot in self.store(kind).missing() {
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
            // It may have come back, gone again later, and left the slot to another.
            if self.store(kind).is_gone_since(slot, limit) {
                self.drop_retired(kind, slot);
            }
        }
    }
}

impl Index {
    pub(super) fn store(&self, kind: Kind) -> &dyn Uids {
        match kind {
            Kind::Pod => &self.pods.store,
            Kind::Service => &self.services.store,
            Kind::EndpointSlice => &self.services.slices,
            Kind::ReplicaSet => &self.owners.replica_sets,
            Kind::Job => &self.owners.jobs,
            Kind::NetworkPolicy => &self.policies.store,
            Kind::Node => &self.nodes.store,
            Kind::Namespace => &self.namespaces.store,
            Kind::Ingress => &self.ingresses.store,
            Kind::Gateway => &self.gateways.store,
        }
    }

    fn store_mut(&mut self, kind: Kind) -> &mut dyn Uids {
        match kind {
            Kind::Pod => &mut self.pods.store,
            Kind::Service => &mut self.services.store,
            Kind::EndpointSlice => &mut self.services.slices,
            Kind::ReplicaSet => &mut self.owners.replica_sets,
            Kind::Job => &mut self.owners.jobs,
            Kind::NetworkPolicy => &mut self.policies.store,
            Kind::Node => &mut self.nodes.store,
            Kind::Namespace => &mut self.namespaces.store,
            Kind::Ingress => &mut self.ingresses.store,
            Kind::Gateway => &mut self.gateways.store,
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
            self.store_mut(kind).noticed(slot, now);
            self.shared.retired.push_back((now, kind, slot));
        }
    }

    /// Removes a retired object.
    fn drop_retired(&mut self, kind: Kind, slot: u32) {
        let shared = &mut self.shared;
        match kind {
            Kind::Pod => return self.pods.remove(slot, shared),
            // These went at once.
            Kind::EndpointSlice | Kind::NetworkPolicy => return,
            Kind::Service => self.services.remove(slot, &mut shared.addresses),
            Kind::ReplicaSet => drop(self.owners.replica_sets.remove(slot)),
            Kind::Job => drop(self.owners.jobs.remove(slot)),
            Kind::Node => self.nodes.remove(slot, shared),
            Kind::Namespace => self.namespaces.remove(slot, shared),
            Kind::Ingress => self.ingresses.remove(slot, shared),
            Kind::Gateway => self.gateways.remove(slot, shared),
        }
        self.surroundings += 1;
    }
}
