//! A pod, as far as records need it, read from its object.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{addresses::parse_all, owners::Owner, selector::Label, shared::Shared};
use crate::{
    Kind, Moment,
    api::{self, ContainerStatus},
    protocol,
};

/// A pod, as far as records need it.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) name: Arc<str>,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) template: Arc<Template>,
    /// Slots of the network policies that select it.
    pub(crate) policies: Box<[u32]>,
    pub(crate) revision: u64,
    /// Addresses that it has or had.
    pub(super) addresses: Box<[IpAddr]>,
    /// Ids of containers, with their places: of the first 256.
    pub(super) container_ids: Box<[(ContainerId, u8)]>,
    pub(super) life: Life,
}

/// The first half of a container's id: enough to tell containers apart.
pub(super) type ContainerId = [u8; 16];

/// All that the pods of one workload have in common, stored once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Template {
    pub(crate) namespace: Arc<str>,
    pub(crate) owner: Option<Owner>,
    pub(crate) containers: Arc<[Container]>,
    /// Labels and annotations that were asked for.
    pub(crate) extracted: Arc<[Label]>,
    pub(super) labels: Arc<[Label]>,
}

/// The part of its life that a pod is in. Of two that may have had an address, the lesser one is likelier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    Live,
    /// It is to be deleted, and may have traffic for its whole grace period.
    Terminating,
    /// Its containers have ended for good. The object keeps its address, which another pod may have by now.
    Finished,
    /// The cluster no longer has it.
    Gone,
}

impl Life {
    /// Returns true while the pod has its addresses.
    pub(super) const fn has_addresses(self) -> bool {
        matches!(self, Self::Live | Self::Terminating)
    }
}

/// A port of a node: the node's name, number, protocol.
pub(super) type NodePort = (Arc<str>, u16, u8);

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Container {
    pub(crate) name: Arc<str>,
    pub(crate) image: Arc<str>,
    /// Ports by number and protocol.
    ports: Box<[(u16, u8)]>,
    /// Ports of the node by number and protocol.
    host_ports: Box<[(u16, u8)]>,
    /// False for one that only runs before the others.
    stays: bool,
}

impl Pod {
    pub(super) fn new(pod: &api::Pod, life: Life, shared: &mut Shared) -> Self {
        let api::Pod { metadata, spec, .. } = pod;
        let containers = containers(pod, shared);
        let ids = statuses(pod).filter_map(|it| {
            let place = containers.iter().position(|one| *one.name == *it.name)?;
            let place = u8::try_from(place).ok()?;
            Some((container_id(it.container_id.as_deref()?)?, place))
        });
        let container_ids = ids.collect();
        let template = Template {
            namespace: shared.texts.share(&metadata.namespace),
            owner: Owner::of(metadata.controller(), &mut shared.texts),
            containers,
            extracted: shared.extracted(Kind::Pod, metadata),
            labels: shared.labels_of(metadata),
        };
        Self {
            name: metadata.name.as_str().into(),
            node: spec.node_name.as_ref().map(|node| shared.texts.share(node)),
            template: shared.templates.share_value(template),
            policies: Box::default(),
            revision: shared.revise(),
            addresses: Box::default(),
            container_ids,
            life,
        }
    }

    /// Keeps the ids of containers that were replaced, because records of their flows may come later. Returns those that are
    /// too many.
    pub(super) fn keep_containers(&mut self, before: &Self) -> Vec<ContainerId> {
        const MOST: usize = 16;
        let former = before.container_ids.iter();
        let former = former.filter(|it| !self.container_ids.contains(it));
        let mut all: Vec<_> = self.container_ids.iter().chain(former).copied().collect();
        let forgotten = all.split_off(all.len().min(MOST));
        self.container_ids = all.into_boxed_slice();
        forgotten.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the ports of its node that lead to it; none before it has a node.
    pub(super) fn node_ports(&self) -> Vec<NodePort> {
        let containers = self.template.containers.iter();
        let ports = containers.flat_map(|it| &it.host_ports);
        let node = self.node.iter();
        node.flat_map(|node| {
            let ports = ports.clone();
            ports.map(|(port, protocol)| (Arc::clone(node), *port, *protocol))
        })
        .collect()
    }

    /// Returns the container that has a port, or the only one.
    pub(crate) fn container_at(&self, port: Option<(u16, u8)>) -> Option<usize> {
        let has = |it: &Container| port.is_some_and(|port| it.ports.contains(&port));
        let containers = &self.template.containers;
        if let Some(place) = containers.iter().position(has) {
            return Some(place);
        }
        let mut staying = containers.iter().enumerate().filter(|(_, it)| it.stays);
        match (staying.next(), staying.next()) {
            (Some((place, _)), None) => Some(place),
            _ => None,
        }
    }
}

pub(super) fn life(pod: &api::Pod, before: Option<&Pod>) -> Life {
    let phase = pod.status.phase.as_deref();
    let was_finished = before.is_some_and(|it| it.life == Life::Finished);
    match phase {
        Some("Succeeded" | "Failed") => Life::Finished,
        // The API lets a pod run again; anything but that is a late word about one that has ended.
        Some(phase) if was_finished && phase != "Running" => Life::Finished,
        None if was_finished => Life::Finished,
        _ if pod.metadata.deletion_timestamp.is_some() => Life::Terminating,
        _ => Life::Live,
    }
}

pub(super) fn current_addresses(pod: &api::Pod) -> Box<[IpAddr]> {
    // Pods of the host's network have the node's address.
    if pod.spec.host_network {
        return Box::default();
    }
    let several = pod.status.pod_ips.iter().map(|it| it.ip.as_str());
    parse_all(several.chain(pod.status.pod_ip.as_deref()))
}

pub(super) fn union(had: &[IpAddr], has: &[IpAddr]) -> Box<[IpAddr]> {
    let more = has.iter().filter(|it| !had.contains(it));
    had.iter().chain(more).copied().collect()
}

/// Returns the time from which a pod has its addresses: the sandbox is ready, or the kubelet has seen the pod.
pub(super) fn began(pod: &api::Pod, now: Moment) -> Moment {
    let created = pod.metadata.creation_timestamp.as_deref();
    let found = seen_by_kubelet(pod).or_else(|| created.and_then(Moment::parse));
    found.unwrap_or(now).min(now)
}

/// Returns the time at which the sandbox was ready, or else the kubelet first saw the pod.
pub(super) fn seen_by_kubelet(pod: &api::Pod) -> Option<Moment> {
    let ready = pod
        .status
        .conditions
        .iter()
        .find(|it| it.kind == "PodReadyToStartContainers" && it.status == "True");
    let times = [
        ready.and_then(|it| it.last_transition_time.as_deref()),
        pod.status.start_time.as_deref(),
    ];
    times.into_iter().flatten().find_map(Moment::parse)
}

/// Returns the end of the last container, once all have ended: that is a sidecar, if there is one. Its time is rounded down
/// to a second.
pub(super) fn ended(pod: &api::Pod) -> Option<Moment> {
    const SECOND: Duration = Duration::from_nanos(999_999_999);
    if pod.status.container_statuses.is_empty() {
        return None;
    }
    let ends = statuses(pod).map(|it| {
        let ended = it.state.terminated.as_ref()?;
        Moment::parse(ended.finished_at.as_deref()?)
    });
    let ends: Option<Vec<_>> = ends.collect();
    Some(ends?.into_iter().max()?.after(SECOND))
}

fn statuses(pod: &api::Pod) -> impl Iterator<Item = &ContainerStatus> {
    let before = pod.status.init_container_statuses.iter();
    before.chain(&pod.status.container_statuses)
}

/// Reads the first half of a container's id: `containerd://` and 64 digits.
pub(super) fn container_id(text: &str) -> Option<ContainerId> {
    let digits = text.rsplit('/').next()?.get(..32)?;
    let number = u128::from_str_radix(digits, 16).ok()?;
    Some(number.to_be_bytes())
}

fn containers(pod: &api::Pod, shared: &mut Shared) -> Arc<[Container]> {
    let is_sidecar = |it: &api::Container| it.restart_policy.as_deref() == Some("Always");
    let before = pod.spec.init_containers.iter();
    let before = before.map(|it| (it, is_sidecar(it)));
    let after = pod.spec.containers.iter().map(|it| (it, true));
    let on_host = pod.spec.host_network;
    let all: Vec<_> = before
        .chain(after)
        .map(|(it, stays)| {
            let ports = || {
                it.ports
                    .iter()
                    .map(|port| (port, protocol::number(port.protocol.as_deref())))
            };
            let host = ports().filter_map(|(port, protocol)| {
                let same = on_host.then_some(port.container_port);
                let number = port.host_port.filter(|it| *it != 0).or(same)?;
                Some((number, protocol?))
            });
            Container {
                name: shared.texts.share(&it.name),
                image: shared
                    .texts
                    .share(image_name(it.image.as_deref().unwrap_or_default())),
                ports: ports()
                    .filter_map(|(port, protocol)| Some((port.container_port, protocol?)))
                    .collect(),
                host_ports: host.collect(),
                stays,
            }
        })
        .collect();
    shared.containers.share(&all)
}

/// Returns an image without its tag and digest. A colon before the last slash is of a registry's port.
fn image_name(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_is_named_without_tag_and_digest() {
        for (image, name) in [
            ("nginx", "nginx"),
            ("nginx:1.29", "nginx"),
            ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause"),
            ("localhost:5000/a/b", "localhost:5000/a/b"),
            (
                "localhost:5000/a/b:latest@sha256:0123",
                "localhost:5000/a/b",
            ),
        ] {
            assert_eq!(image_name(image), name);
        }
    }

    #[test]
    fn container_ids_of_all_runtimes_are_read() {
        let digits = "0123456789abcdef".repeat(4);
        let number = container_id(&digits);
        assert!(number.is_some());
        for runtime in ["containerd", "cri-o", "docker"] {
            assert_eq!(container_id(&format!("{runtime}://{digits}")), number);
        }
        assert_eq!(container_id("containerd://"), None);
    }
}
