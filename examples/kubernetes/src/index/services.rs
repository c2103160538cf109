//! Services and their endpoints.

use std::{net::IpAddr, sync::Arc};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{
    addresses::{Addresses, Role, distinct, parse_all},
    selector::Label,
    shared::Shared,
    store::{Store, Stored, Uids as _},
};
use crate::{Kind, Moment, api, protocol};

/// A service, as far as records need it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: Arc<str>,
    pub(crate) namespace: Arc<str>,
    pub(crate) extracted: Arc<[Label]>,
    pub(crate) revision: u64,
    /// Ports by number and protocol.
    ports: Box<[(u16, u8)]>,
    node_ports: Box<[(u16, u8)]>,
    cluster: Box<[IpAddr]>,
    external: Box<[IpAddr]>,
    /// Addresses that it had before: their tenures have its slot.
    former: Box<[IpAddr]>,
}

impl Service {
    pub(super) fn has_port(&self, port: (u16, u8)) -> bool {
        self.ports.contains(&port)
    }
}

/// A namespace and a name.
type Key = (Arc<str>, Arc<str>);

/// An endpoint: address, port (0 for all ports), protocol.
type Endpoint = (IpAddr, u16, u8);

/// A part of a service's endpoints.
#[derive(Debug)]
pub(super) struct Slice {
    service: Key,
    endpoints: Box<[Endpoint]>,
}

/// All services.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) store: Store<Service>,
    by_name: HashMap<Key, u32>,
    node_ports: HashMap<(u16, u8), u32>,
    pub(super) slices: Store<Slice>,
    endpoints: HashMap<Endpoint, SmallVec<[u32; 4]>>,
    /// Endpoints of all ports of an address; there are seldom any.
    of_all_ports: usize,
}

impl Services {
    pub(super) fn apply(&mut self, service: &api::Service, shared: &mut Shared, now: Moment) {
        let (metadata, spec) = (&service.metadata, &service.spec);
        // The address of an `ExternalName` is a name, even where it looks like an address; a cluster address that it had is
        // given away at once.
        let is_name = spec.kind == "ExternalName";
        let texts =
            |texts: &[String]| -> Vec<String> { if is_name { Vec::new() } else { texts.to_vec() } };
        let cluster = texts(&spec.cluster_ips);
        let first = spec.cluster_ip.as_deref().filter(|_| !is_name);
        let external = texts(&spec.external_ips);
        let balancer = service.status.load_balancer.ingress.iter();
        // The status keeps addresses after the type has changed.
        let balancer = balancer.filter(|_| spec.kind == "LoadBalancer");
        let balancer = balancer.filter_map(|it| it.ip.as_deref());
        let ports = || {
            spec.ports
                .iter()
                .map(|it| (it, protocol::number(it.protocol.as_deref())))
        };
        let mut new = Service {
            name: shared.texts.share(&metadata.name),
            namespace: shared.texts.share(&metadata.namespace),
            extracted: shared.extracted(Kind::Service, metadata),
            revision: shared.revise(),
            ports: ports()
                .filter_map(|(it, protocol)| Some((it.port, protocol?)))
                .collect(),
            node_ports: ports()
                .filter_map(|(it, protocol)| Some((it.node_port?, protocol?)))
                .collect(),
            cluster: parse_all(cluster.iter().map(String::as_str).chain(first)),
            external: parse_all(external.iter().map(String::as_str).chain(balancer)),
            former: Box::default(),
        };
        let found = self.store.find(&metadata.uid);
        let before = found.and_then(|slot| self.store.get(slot));
        let from = if before.is_some() {
            now
        } else {
            created(metadata, now)
        };
        let had = before.map(|it| [&*it.cluster, &*it.external].map(<[_]>::to_vec));
        let [cluster, external] = had.unwrap_or_default();
        let former = before.into_iter().flat_map(|it| &it.former);
        let lost = cluster.iter().filter(|it| !new.cluster.contains(it));
        let more = external.iter().filter(|it| !new.external.contains(it));
        new.former = distinct(former.chain(lost).chain(more).copied());
        let slot = self.store.put(&metadata.uid, new);
        let Some(new) = self.store.get(slot) else {
            return;
        };
        let addresses = &mut shared.addresses;
        addresses.change(
            Role::ClusterIp.of(slot),
            [&cluster, &new.cluster],
            from,
            now,
        );
        addresses.change(
            Role::ExternalIp.of(slot),
            [&external, &new.external],
            from,
            now,
        );
        self.node_ports.retain(|_, it| *it != slot);
        self.node_ports
            .extend(new.node_ports.iter().map(|port| (*port, slot)));
        let key = (Arc::clone(&new.namespace), Arc::clone(&new.name));
        self.by_name.insert(key, slot);
    }

    pub(super) fn retire(&mut self, slot: u32, at: Moment, shared: &mut Shared) -> bool {
        if !self.store.retire(slot) {
            return false;
        }
        if let Some(service) = self.store.get(slot) {
            close(service, slot, at, &mut shared.addresses);
        }
        true
    }

    pub(super) fn remove(&mut self, slot: u32, addresses: &mut Addresses) {
        let Some(service) = self.store.remove(slot) else {
            return;
        };
        for address in service.cluster.iter().chain(&service.former) {
            addresses.forget(address, Role::ClusterIp.of(slot));
        }
        for address in service.external.iter().chain(&service.former) {
            addresses.forget(address, Role::ExternalIp.of(slot));
        }
        self.node_ports.retain(|_, it| *it != slot);
        let key = (service.namespace, service.name);
        if self.by_name.get(&key) == Some(&slot) {
            self.by_name.remove(&key);
        }
    }

    /// Returns the service whose node port this is.
    pub(super) fn at_node_port(&self, port: (u16, u8)) -> Option<&Stored<Service>> {
        self.store.stored(*self.node_ports.get(&port)?)
    }

    /// Returns the service that has an endpoint; of several the first by name.
    pub(super) fn of_endpoint(&self, address: IpAddr, port: (u16, u8)) -> Option<&Stored<Service>> {
        let address = address.to_canonical();
        let slices = |number| {
            self.endpoints
                .get(&(address, number, port.1))
                .into_iter()
                .flatten()
        };
        let of_all_ports = (self.of_all_ports != 0).then(|| slices(0));
        let keys = slices(port.0).chain(of_all_ports.into_iter().flatten());
        let keys = keys.filter_map(|slot| Some(&self.slices.get(*slot)?.service));
        let services = keys.filter_map(|key| self.store.stored(*self.by_name.get(key)?));
        services
            .min_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)))
    }
}

/// Ends the tenures of a service.
fn close(service: &Service, slot: u32, at: Moment, addresses: &mut Addresses) {
    for address in &service.cluster {
        addresses.close(address, Role::ClusterIp.of(slot), at, false);
    }
    for address in &service.external {
        addresses.close(address, Role::ExternalIp.of(slot), at, false);
    }
}

/// Returns the time at which an object was made.
pub(super) fn created(metadata: &api::Metadata, now: Moment) -> Moment {
    let created = metadata.creation_timestamp.as_deref();
    created.and_then(Moment::parse).unwrap_or(now).min(now)
}

/// Endpoint slices.
impl Services {
    pub(super) fn apply_slice(&mut self, slice: &api::EndpointSlice, shared: &mut Shared) {
        let metadata = &slice.metadata;
        if let Some(slot) = self.slices.find(&metadata.uid) {
            self.leave(slot);
        }
        let service = metadata.labels.get("kubernetes.io/service-name");
        let namespace = shared.texts.share(&metadata.namespace);
        let service = (namespace, shared.texts.share(service.unwrap_or_default()));
        let addresses = slice.endpoints.iter().flat_map(|it| &it.addresses);
        let addresses = parse_all(addresses.map(String::as_str));
        let ports = slice.ports.iter();
        let ports: Vec<_> = ports
            .filter_map(|it| {
                Some((
                    it.port.unwrap_or(0),
                    protocol::number(it.protocol.as_deref())?,
                ))
            })
            .collect();
        let endpoints = addresses.iter().flat_map(|address| {
            let address = *address;
            ports
                .iter()
                .map(move |(port, protocol)| (address, *port, *protocol))
        });
        let endpoints = endpoints.collect();
        let slot = self.slices.put(&metadata.uid, Slice { service, endpoints });
        if let Some(slice) = self.slices.get(slot) {
            for endpoint in &slice.endpoints {
                self.of_all_ports += usize::from(endpoint.1 == 0);
                self.endpoints.entry(*endpoint).or_default().push(slot);
            }
        }
    }

    pub(super) fn remove_slice(&mut self, slot: u32) {
        self.leave(slot);
        self.slices.remove(slot);
    }

    /// Removes the endpoints of a slice from the map.
    fn leave(&mut self, slot: u32) {
        let endpoints = self.slices.get(slot).map(|slice| &slice.endpoints);
        for endpoint in endpoints.into_iter().flatten() {
            self.of_all_ports -= usize::from(endpoint.1 == 0);
            if let Some(slots) = self.endpoints.get_mut(endpoint) {
                slots.retain(|it| *it != slot);
                if slots.is_empty() {
                    self.endpoints.remove(endpoint);
                }
            }
        }
    }
}
