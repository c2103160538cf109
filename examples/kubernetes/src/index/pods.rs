//! All pods, and the ways to them: addresses, ports of nodes, containers, namespaces.

use std::{hash::Hash, sync::Arc};

use hashbrown::HashMap;

use super::{
    addresses::{Role, Tenure, Tenures},
    pod::{
        ContainerId, Life, NodePort, Pod, began, container_id, current_addresses, ended, life,
        seen_by_kubelet, union,
    },
    policies::Policies,
    shared::Shared,
    store::{Store, Uids as _},
};
use crate::{Moment, api};

/// All pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    pub(super) store: Store<Pod>,
    by_namespace: HashMap<Arc<str>, Vec<u32>>,
    node_ports: Tenures<NodePort>,
    /// Slots by the first half of a container's id, as far as it is known; the pods have the other half.
    by_container: HashMap<u64, u32>,
}

impl Pods {
    pub(super) fn apply(
        &mut self,
        pod: &api::Pod,
        shared: &mut Shared,
        policies: &Policies,
        now: Moment,
    ) {
        let uid = &pod.metadata.uid;
        let slot = self.store.find(uid);
        let before = slot.and_then(|slot| self.store.get(slot));
        let life = life(pod, before);
        let mut new = Pod::new(pod, life, shared);
        let template = &new.template;
        new.policies = policies.selecting(&template.namespace, &template.labels);
        let current = current_addresses(pod);
        let was = before.map_or(Life::Gone, |it| it.life);
        let had = before.map_or(Box::default(), |it| it.addresses.clone());
        let had_ports = before.map_or(Vec::new(), Pod::node_ports);
        new.addresses = union(&had, &current);
        let (all, ports) = (new.addresses.clone(), new.node_ports());
        let forgotten = before.map_or(Vec::new(), |before| new.keep_containers(before));
        for id in forgotten {
            self.by_container.remove(&key(id));
        }
        let slot = self.store.put(uid, new);
        self.index(slot, was == Life::Gone);
        let began = began(pod, now);
        // An address that comes later is as old as its event; one of a pod that runs again as well.
        let is_new = was != Life::Finished && all.len() == current.len();
        let mut step = Step {
            slot,
            was,
            life,
            began,
            from: if is_new { began } else { now },
            end: ended(pod),
            now,
        };
        step.enter(&mut shared.addresses, &had, &all, &current);
        // A pod is bound to its node before it runs there, and the port may be another pod's until then.
        let seen = seen_by_kubelet(pod).unwrap_or(now).min(now);
        let runs_again = was == Life::Finished;
        (step.began, step.from) = (seen, if runs_again { now } else { seen });
        step.enter(&mut self.node_ports, &had_ports, &ports, &ports);
    }

    /// Enters a pod into the maps from other facts than addresses.
    fn index(&mut self, slot: u32, is_new: bool) {
        let Some(pod) = self.store.get(slot) else {
            return;
        };
        if is_new {
            let slots = self.by_namespace.entry(Arc::clone(&pod.template.namespace));
            slots.or_default().push(slot);
        }
        for (id, _) in &pod.container_ids {
            self.by_container.insert(key(*id), slot);
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
        if !self.store.retire(slot) {
            return false;
        }
        let Some(pod) = self.store.get_mut(slot) else {
            return false;
        };
        pod.life = Life::Gone;
        pod.revision = shared.revise();
        let (holder, to, exact) = (Role::Pod.of(slot), end.unwrap_or(at), end.is_some());
        for address in &pod.addresses {
            shared.addresses.close(address, holder, to, exact);
        }
        for port in pod.node_ports() {
            self.node_ports.close(&port, holder, to, exact);
        }
        if let Some(slots) = self.by_namespace.get_mut(&pod.template.namespace)
            && let Some(place) = slots.iter().position(|it| *it == slot)
        {
            slots.swap_remove(place);
            if slots.is_empty() {
                self.by_namespace.remove(&pod.template.namespace);
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
            shared.addresses.forget(address, Role::Pod.of(slot));
        }
        for id in pod.container_ids.iter().map(|(id, _)| key(*id)) {
            if self.by_container.get(&id) == Some(&slot) {
                self.by_container.remove(&id);
            }
        }
        for port in pod.node_ports() {
            self.node_ports.forget(&port, Role::Pod.of(slot));
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
            let selected = policies.selects(policy, &pod.template.labels);
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

    /// Returns the tenures of a node's port.
    pub(super) fn at_node_port(&self, node: &Arc<str>, (port, protocol): (u16, u8)) -> &[Tenure] {
        self.node_ports.at(&(Arc::clone(node), port, protocol))
    }

    /// Returns the pod of a container and its place there, by the id that its runtime gave it.
    pub(super) fn of_container(&self, id: &str) -> Option<(u32, usize)> {
        let id = container_id(id)?;
        let slot = *self.by_container.get(&key(id))?;
        let mut ids = self.store.get(slot)?.container_ids.iter();
        let (_, place) = ids.find(|(known, _)| *known == id)?;
        Some((slot, usize::from(*place)))
    }
}

fn key(id: ContainerId) -> u64 {
    // Half of 128 bits are 64.
    u64::try_from(u128::from_be_bytes(id) >> 64).unwrap_or_default()
}

/// A version of a pod, as far as times are concerned.
struct Step {
    slot: u32,
    was: Life,
    life: Life,
    began: Moment,
    /// Beginning of what is new in this version.
    from: Moment,
    /// The end that the pod itself reported.
    end: Option<Moment>,
    now: Moment,
}

impl Step {
    /// Begins and ends the pod's tenures of one sort: `had` before this version, `has` or had with it, `current` in it.
    fn enter<K: Clone + Eq + Hash>(
        &self,
        tenures: &mut Tenures<K>,
        had: &[K],
        has: &[K],
        current: &[K],
    ) {
        let holder = Role::Pod.of(self.slot);
        if self.life.has_addresses() {
            tenures.change(holder, [has, current], self.from, self.now);
            return;
        }
        for one in has {
            let had = had.contains(one);
            if had && self.was == Life::Finished {
                continue;
            }
            let lasts = had && self.was.has_addresses();
            if !lasts {
                tenures.open(one, holder, self.began);
            }
            // Nothing says how long a pod had its address that was found dead: it gets no more than its beginning.
            let to = self
                .end
                .unwrap_or(if lasts { self.now } else { self.began });
            tenures.close(one, holder, to, self.end.is_some());
        }
    }
}
