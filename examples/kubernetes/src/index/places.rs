//! Objects that are known by their addresses or name alone: nodes, namespaces, ingresses, gateways.

use std::{net::IpAddr, sync::Arc};

use hashbrown::HashMap;

use super::{
    addresses::{Holder, Role, distinct, parse_all},
    pool::Pool,
    selector::Label,
    services::created,
    shared::Shared,
    store::{Store, Uids as _},
};
use crate::{
    Kind, Moment,
    api::{Addressed, Metadata},
};

/// A node, a namespace, an ingress or a gateway.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) uid: Arc<str>,
    pub(crate) name: Arc<str>,
    /// Empty for nodes and namespaces.
    pub(crate) namespace: Arc<str>,
    pub(crate) extracted: Arc<[Label]>,
    pub(crate) topology: Topology,
    pub(crate) revision: u64,
    addresses: Box<[IpAddr]>,
    /// Addresses that it had before: their tenures have its slot.
    former: Box<[IpAddr]>,
}

/// The place of a node, by well-known labels (`topology.kubernetes.io`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) region: Option<Arc<str>>,
}

impl Topology {
    fn of(metadata: &Metadata, texts: &mut Pool<str>) -> Self {
        let mut label = |key| metadata.labels.get(key).map(|text| texts.share(text));
        Self {
            zone: label("topology.kubernetes.io/zone"),
            region: label("topology.kubernetes.io/region"),
        }
    }
}

/// Objects of one of these kinds.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) store: Store<Place>,
    by_name: HashMap<Arc<str>, u32>,
    kind: Kind,
}

impl Places {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            store: Store::default(),
            by_name: HashMap::new(),
            kind,
        }
    }

    const fn holder(&self, slot: u32) -> Holder {
        match self.kind {
            Kind::Ingress => Role::Ingress.of(slot),
            Kind::Gateway => Role::Gateway.of(slot),
            _ => Role::Node.of(slot),
        }
    }

    pub(super) fn apply(&mut self, object: &Addressed, shared: &mut Shared, now: Moment) {
        let balancer = object.status.load_balancer.ingress.iter();
        let balancer = balancer.filter_map(|it| it.ip.as_deref());
        // The type says little: an `InternalIP` may be a name, and a gateway's address has its own field.
        let own = object.status.addresses.iter();
        let own = own.filter_map(|it| it.address.as_deref().or(it.value.as_deref()));
        self.put(
            &object.metadata,
            parse_all(balancer.chain(own)),
            shared,
            now,
        );
    }

    pub(super) fn put(
        &mut self,
        metadata: &Metadata,
        addresses: Box<[IpAddr]>,
        shared: &mut Shared,
        now: Moment,
    ) {
        let uid: Arc<str> = metadata.uid.as_str().into();
        let found = self.store.find(&uid);
        let before = found.and_then(|slot| self.store.get(slot));
        let from = if before.is_some() {
            now
        } else {
            created(metadata, now)
        };
        let had = before.map_or(Vec::new(), |it| it.addresses.to_vec());
        let extracted = shared.extracted(self.kind, metadata);
        let topology = match self.kind {
            Kind::Node => Topology::of(metadata, &mut shared.texts),
            _ => Topology::default(),
        };
        let unchanged = before.filter(|it| {
            it.extracted == extracted && it.topology == topology && *it.addresses == *addresses
        });
        // Nodes change every few seconds, in their conditions.
        let revision = unchanged.map(|it| it.revision);
        let lost = had.iter().filter(|it| !addresses.contains(it));
        let former = before.into_iter().flat_map(|it| &it.former);
        let former = distinct(former.chain(lost).copied());
        let place = Place {
            uid,
            name: shared.texts.share(&metadata.name),
            namespace: shared.texts.share(&metadata.namespace),
            extracted,
            topology,
            revision: revision.unwrap_or_else(|| shared.revise()),
            addresses,
            former,
        };
        let name = Arc::clone(&place.name);
        let slot = self.store.put(&metadata.uid, place);
        self.by_name.insert(name, slot);
        let holder = self.holder(slot);
        if let Some(place) = self.store.get(slot) {
            shared
                .addresses
                .change(holder, [&had, &place.addresses], from, now);
        }
    }

    pub(super) fn retire(&mut self, slot: u32, at: Moment, shared: &mut Shared) -> bool {
        if !self.store.retire(slot) {
            return false;
        }
        let holder = self.holder(slot);
        for address in self.store.get(slot).iter().flat_map(|it| &it.addresses) {
            shared.addresses.close(address, holder, at, false);
        }
        true
    }

    pub(super) fn remove(&mut self, slot: u32, shared: &mut Shared) {
        let holder = self.holder(slot);
        let Some(place) = self.store.remove(slot) else {
            return;
        };
        for address in place.addresses.iter().chain(&place.former) {
            shared.addresses.forget(address, holder);
        }
        if self.by_name.get(&place.name) == Some(&slot) {
            self.by_name.remove(&place.name);
        }
    }

    /// Returns the object with a name: of nodes and namespaces, which have no namespace, there is one.
    pub(super) fn named(&self, name: &str) -> Option<&Place> {
        self.store.get(*self.by_name.get(name)?)
    }
}
