//! Pods: `core/v1`.

use serde::Deserialize;

use super::{metadata::Metadata, null::null};

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Pod {
    /// Metadata.
    pub metadata: Metadata,
    /// The wanted state.
    #[serde(default, deserialize_with = "null")]
    pub spec: PodSpec,
    /// The observed state.
    #[serde(default, deserialize_with = "null")]
    pub status: PodStatus,
}

/// The wanted state of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PodSpec {
    /// The node that it is bound to.
    #[serde(default)]
    pub node_name: Option<String>,
    /// True if it shares the addresses of its node.
    #[serde(default, deserialize_with = "null")]
    pub host_network: bool,
    /// Containers.
    #[serde(default, deserialize_with = "null")]
    pub containers: Vec<Container>,
    /// Containers that run before the others, or beside them if they restart (sidecars).
    #[serde(default, deserialize_with = "null")]
    pub init_containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Container {
    /// Name, unique in its pod.
    pub name: String,
    /// Image, with tag or digest.
    #[serde(default)]
    pub image: Option<String>,
    /// Ports that it declares.
    #[serde(default, deserialize_with = "null")]
    pub ports: Vec<ContainerPort>,
    /// `Always` for a sidecar among the containers that run before the others.
    #[serde(default)]
    pub restart_policy: Option<String>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContainerPort {
    /// Port in the pod.
    pub container_port: u16,
    /// Port of the node that leads to it.
    #[serde(default)]
    pub host_port: Option<u16>,
    /// `TCP` unless set.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// The observed state of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    #[serde(default)]
    pub phase: Option<String>,
    /// Address, as the kubelet wrote it.
    #[serde(default, rename = "podIP")]
    pub pod_ip: Option<String>,
    /// Addresses of both IP versions.
    #[serde(default, rename = "podIPs", deserialize_with = "null")]
    pub pod_ips: Vec<PodIp>,
    /// Time at which the kubelet saw the pod.
    #[serde(default)]
    pub start_time: Option<String>,
    /// Conditions.
    #[serde(default, deserialize_with = "null")]
    pub conditions: Vec<Condition>,
    /// State of the containers.
    #[serde(default, deserialize_with = "null")]
    pub container_statuses: Vec<ContainerStatus>,
    /// State of the containers that run before the others.
    #[serde(default, deserialize_with = "null")]
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// An address of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct PodIp {
    /// The address.
    #[serde(default, deserialize_with = "null")]
    pub ip: String,
}

/// A condition of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Condition {
    /// Name of the condition.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    #[serde(default, deserialize_with = "null")]
    pub status: String,
    /// Time of the last change of `status`.
    #[serde(default)]
    pub last_transition_time: Option<String>,
}

/// The state of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: String,
    /// Runtime and id, as in `containerd://` and 64 digits.
    #[serde(default, rename = "containerID")]
    pub container_id: Option<String>,
    /// Its present state.
    #[serde(default, deserialize_with = "null")]
    pub state: ContainerState,
}

/// The present state of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct ContainerState {
    /// Present once it has ended.
    #[serde(default)]
    pub terminated: Option<Terminated>,
}

/// The end of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Terminated {
    /// Time of its end, whole seconds.
    #[serde(default)]
    pub finished_at: Option<String>,
}
