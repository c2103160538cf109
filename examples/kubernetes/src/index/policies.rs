//! Network policies, and the pods that they select.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{
    selector::{Label, Selector},
    shared::Shared,
    store::Store,
};
use crate::api::NetworkPolicy;

/// A network policy.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) selector: Selector,
    pub(super) ingress: bool,
    pub(super) egress: bool,
}

/// All network policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) store: Store<Policy>,
    by_namespace: HashMap<Arc<str>, Vec<u32>>,
}

impl Policies {
    pub(super) fn apply(&mut self, policy: &NetworkPolicy, shared: &mut Shared) -> u32 {
        let metadata = &policy.metadata;
        let namespace = shared.texts.share(&metadata.namespace);
        // The server fills `policyTypes` in. To guess it from the rules would be wrong: a policy with egress rules alone
        // gets `Ingress` as well, and so denies all ingress.
        let has = |direction: &str| policy.spec.policy_types.iter().any(|it| it == direction);
        let value = Policy {
            namespace: Arc::clone(&namespace),
            name: shared.texts.share(&metadata.name),
            selector: Selector::new(&policy.spec.pod_selector, &mut shared.texts),
            ingress: has("Ingress"),
            egress: has("Egress"),
        };
        let slot = self.store.put(&metadata.uid, value);
        let slots = self.by_namespace.entry(namespace).or_default();
        if !slots.contains(&slot) {
            slots.push(slot);
        }
        slot
    }

    /// Removes a policy; returns its namespace.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Arc<str>> {
        let policy = self.store.remove(slot)?;
        if let Some(slots) = self.by_namespace.get_mut(&policy.namespace) {
            slots.retain(|it| *it != slot);
            if slots.is_empty() {
                self.by_namespace.remove(&policy.namespace);
            }
        }
        Some(policy.namespace)
    }

    /// Returns the policies of a namespace that select these labels.
    pub(super) fn selecting(&self, namespace: &str, labels: &[Label]) -> Box<[u32]> {
        let slots = self.by_namespace.get(namespace).into_iter().flatten();
        let selecting = slots.copied().filter(|slot| self.selects(*slot, labels));
        selecting.collect()
    }

    pub(super) fn selects(&self, slot: u32, labels: &[Label]) -> bool {
        let policy = self.store.get(slot);
        policy.is_some_and(|policy| policy.selector.matches(labels))
    }
}
