//! Services, `core/v1`, and endpoint slices, `discovery.k8s.io/v1` and `v1beta1`.

use serde::Deserialize;

use super::{
    metadata::{Metadata, Texts},
    null::null,
};

/// A service.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Service {
    /// Metadata.
    pub metadata: Metadata,
    /// The wanted state.
    #[serde(default, deserialize_with = "null")]
    pub spec: ServiceSpec,
    /// The observed state. It keeps addresses of a load balancer after the type has changed.
    #[serde(default, deserialize_with = "null")]
    pub status: AddressStatus,
}

/// The wanted state of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    #[serde(default, rename = "type", deserialize_with = "null")]
    pub kind: String,
    /// Address in the cluster; `None` for a headless service.
    #[serde(default, rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// Addresses of both IP versions.
    #[serde(default, rename = "clusterIPs", deserialize_with = "null")]
    pub cluster_ips: Vec<String>,
    /// Addresses that somebody else leads to the nodes. They may be those of other objects.
    #[serde(default, rename = "externalIPs", deserialize_with = "null")]
    pub external_ips: Vec<String>,
    /// Ports.
    #[serde(default, deserialize_with = "null")]
    pub ports: Vec<ServicePort>,
}

/// A port of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServicePort {
    /// Port at the service's addresses.
    pub port: u16,
    /// Port at the nodes' addresses.
    #[serde(default)]
    pub node_port: Option<u16>,
    /// `TCP` unless set.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// The observed addresses of a service, an ingress or a gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AddressStatus {
    /// Of services and ingresses.
    #[serde(default, deserialize_with = "null")]
    pub load_balancer: LoadBalancer,
    /// Of gateways and nodes.
    #[serde(default, deserialize_with = "null")]
    pub addresses: Vec<StatusAddress>,
}

/// The addresses of a load balancer.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct LoadBalancer {
    /// Its addresses.
    #[serde(default, deserialize_with = "null")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// An address of a load balancer.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct LoadBalancerIngress {
    /// The address; absent where there is a name alone.
    #[serde(default)]
    pub ip: Option<String>,
}

/// An address of a node or a gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct StatusAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname` of nodes; `IPAddress`, `Hostname` of gateways.
    #[serde(default, rename = "type", deserialize_with = "null")]
    pub kind: String,
    /// The address of a node. It may be a name.
    #[serde(default)]
    pub address: Option<String>,
    /// The address of a gateway.
    #[serde(default)]
    pub value: Option<String>,
}

/// An object that is known by its addresses: a node, an ingress, a gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Addressed {
    /// Metadata.
    pub metadata: Metadata,
    /// The observed state.
    #[serde(default, deserialize_with = "null")]
    pub status: AddressStatus,
}

/// A part of the endpoints of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct EndpointSlice {
    /// Metadata. The label `kubernetes.io/service-name` has the service's name.
    pub metadata: Metadata,
    /// Endpoints.
    #[serde(default, deserialize_with = "null")]
    pub endpoints: Vec<Endpoint>,
    /// Ports of all endpoints.
    #[serde(default, deserialize_with = "null")]
    pub ports: Vec<EndpointPort>,
}

/// An endpoint of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Endpoint {
    /// Addresses.
    #[serde(default, deserialize_with = "null")]
    pub addresses: Vec<String>,
    /// Node, in `v1`.
    #[serde(default)]
    pub node_name: Option<String>,
    /// The node is under `kubernetes.io/hostname`, in `v1beta1`.
    #[serde(default, deserialize_with = "null")]
    pub topology: Texts,
}

/// A port of endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct EndpointPort {
    /// The port; absent if all ports are meant.
    #[serde(default)]
    pub port: Option<u16>,
    /// `TCP` unless set.
    #[serde(default)]
    pub protocol: Option<String>,
}
