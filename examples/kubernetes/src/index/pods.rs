//! All pods, and the ways to them: addresses, ports of nodes, containers, namespaces.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::{
    addresses::Holder,
    pod::{Life, Pod, began, container_id, current_addresses, ended, life, union},
    policies::Policies,
    shared::Shared,
    store::Store,
};
use crate::{Moment, api};

/// All pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    pub(super) store: Store<Pod>,
    by_namespace: HashMap<Arc<str>, Vec<u32>>,
    host_ports: HashMap<(Arc<str>, u16, u8), u32>,
    by_container: HashMap<u128, (u32, usize)>,
}

impl Pods {
    pub(super) fn apply(
        &mut self,
        pod: &api::Pod,
        shared: &mut Shared,
        policies: &Policies,
        now: Moment,
    ) {
        let uid: Arc<str> = pod.metadata.uid.as_str().into();
        let slot = self.store.find(&uid);
        let before = slot.and_then(|slot| self.store.get(slot));
        let life = life(pod, before);
        let mut new = Pod::new(uid, pod, life, shared);
        new.policies = policies.selecting(&new.namespace, &new.labels);
        let current = current_addresses(pod);
        let (had, was) = before.map_or((&[][..], Life::Gone), |it| (&*it.addresses, it.life));
        new.addresses = union(had, &current);
        let forgotten = before.map_or(Vec::new(), |before| new.keep_containers(before));
        for id in forgotten {
            self.by_container.remove(&id);
        }
        let slot = self.store.put(Arc::clone(&new.uid), new);
        self.index(slot, was == Life::Gone);
        let began = began(pod, now);
        let Some(pod_now) = self.store.get(slot) else {
            return;
        };
        let (holder, addresses) = (Holder::Pod(slot), &mut shared.addresses);
        if life.has_addresses() {
            // An address that comes later is as old as its event; one of a pod that runs again as well.
            let from = if slot_is_new(was, &pod_now.addresses, &current) {
                began
            } else {
                now
            };
            addresses.change(holder, [&pod_now.addresses, &current], from, now);
        } else if was != Life::Finished {
            let known = was.has_addresses();
            let end = ended(pod);
            for address in &pod_now.addresses {
                if !known {
                    addresses.open(*address, holder, began);
                }
                // Nothing says how long a pod had its address that was found dead: it gets no more than its beginning.
                let to = end.unwrap_or(if known { now } else { began });
                addresses.close(*address, holder, to, end.is_some());
            }
        }
    }

    /// Enters a pod into the maps from other facts than addresses.
    fn index(&mut self, slot: u32, is_new: bool) {
        let Some(pod) = self.store.get(slot) else {
            return;
        };
        if is_new {
            let slots = self.by_namespace.entry(Arc::clone(&pod.namespace));
            slots.or_default().push(slot);
        }
        for (id, place) in &pod.container_ids {
            self.by_container.insert(*id, (slot, *place));
        }
        if let Some(node) = pod.node.as_ref().filter(|_| pod.life.has_addresses()) {
            let ports = pod.containers.iter().flat_map(|it| &it.host_ports);
            for (port, protocol) in ports {
                let key = (Arc::clone(node), *port, *protocol);
                self.host_ports.insert(key, slot);
            }
        }
    }

    /// Notes that the cluster no longer has a pod.
    pub(super) fn retire(
        &mut self,
        slot: u32,
        end: Option<Moment>,
        at: Moment,
        shared: &mut Shared,
    ) -> bool {
        if !self.store.retire(slot, at) {
            return false;
        }
        let Some(pod) = self.store.get_mut(slot) else {
            return false;
        };
        pod.life = Life::Gone;
        pod.revision = shared.revise();
        for address in &pod.addresses {
            let to = end.unwrap_or(at);
            shared
                .addresses
                .close(*address, Holder::Pod(slot), to, end.is_some());
        }
        if let Some(slots) = self.by_namespace.get_mut(&pod.namespace)
            && let Some(place) = slots.iter().position(|it| *it == slot)
        {
            slots.swap_remove(place);
            if slots.is_empty() {
                self.by_namespace.remove(&pod.namespace);
            }
        }
        true
    }

    /// Removes a retired pod.
    pub(super) fn remove(&mut self, slot: u32, shared: &mut Shared) {
        let Some(pod) = self.store.remove(slot) else {
            return;
        };
        for address in &pod.addresses {
            shared.addresses.forget(*address, Holder::Pod(slot));
        }
        for (id, place) in &pod.container_ids {
            if self.by_container.get(id) == Some(&(slot, *place)) {
                self.by_container.remove(id);
            }
        }
        let ports = pod.containers.iter().flat_map(|it| &it.host_ports);
        for (port, protocol) in ports {
            let Some(node) = &pod.node else { break };
            let key = (Arc::clone(node), *port, *protocol);
            if self.host_ports.get(&key) == Some(&slot) {
                self.host_ports.remove(&key);
            }
        }
    }

    /// Adds a policy to the pods of its namespace that it selects, and removes it from the others.
    pub(super) fn select(
        &mut self,
        policy: u32,
        namespace: &str,
        policies: &Policies,
        shared: &mut Shared,
    ) {
        for slot in self.by_namespace.get(namespace).into_iter().flatten() {
            let Some(pod) = self.store.get_mut(*slot) else {
                continue;
            };
            let has = pod.policies.contains(&policy);
            let selected = policies.selects(policy, &pod.labels);
            if selected || has {
                // The policy may have got another name or direction.
                pod.revision = shared.revise();
            }
            if selected != has {
                let others = pod.policies.iter().copied().filter(|it| *it != policy);
                pod.policies = others.chain(selected.then_some(policy)).collect();
            }
        }
    }

    pub(super) fn at_host_port(&self, node: &Arc<str>, port: u16, protocol: u8) -> Option<u32> {
        let key = (Arc::clone(node), port, protocol);
        self.host_ports.get(&key).copied()
    }

    /// Returns the pod of a container and its place there, by the id that its runtime gave it.
    pub(super) fn of_container(&self, id: &str) -> Option<(u32, usize)> {
        self.by_container.get(&container_id(id)?).copied()
    }
}

/// The addresses of an object are as old as the pod itself if this is the first time that it has any.
fn slot_is_new(was: Life, all: &[IpAddr], current: &[IpAddr]) -> bool {
    was != Life::Finished && all.len() == current.len()
}
