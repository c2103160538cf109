//! The fields of Kubernetes objects that are needed, and no others: a whole `Pod` of k8s-openapi takes fifty times the
//! memory.

mod metadata;
mod network_policy;
mod null;
mod pod;
mod service;

use serde::Deserialize;

pub use self::{
    metadata::{Metadata, OwnerReference, Texts},
    network_policy::{LabelSelector, NetworkPolicy, NetworkPolicySpec, Operator, Requirement},
    pod::{
        Condition, Container, ContainerPort, ContainerState, ContainerStatus, Pod, PodIp, PodSpec,
        PodStatus, Terminated,
    },
    service::{
        AddressStatus, Addressed, Endpoint, EndpointPort, EndpointSlice, LoadBalancer,
        LoadBalancerIngress, Service, ServicePort, ServiceSpec, StatusAddress,
    },
};
use crate::Kind;

/// An object of a kind that has only metadata here.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Bare {
    /// Metadata.
    pub metadata: Metadata,
}

/// An object of any kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Object {
    /// A pod.
    Pod(Box<Pod>),
    /// A node.
    Node(Addressed),
    /// A service.
    Service(Box<Service>),
    /// A part of a service's endpoints.
    EndpointSlice(EndpointSlice),
    /// A replica set.
    ReplicaSet(Bare),
    /// A job.
    Job(Bare),
    /// A namespace.
    Namespace(Bare),
    /// A network policy.
    NetworkPolicy(NetworkPolicy),
    /// An ingress.
    Ingress(Addressed),
    /// A gateway.
    Gateway(Addressed),
}

impl Object {
    /// Reads an object of a kind from JSON. Fields that are not needed are skipped.
    ///
    /// ```
    /// use mermin_kubernetes::{Kind, api::Object};
    ///
    /// let json = r#"{"metadata": {"name": "web-0", "namespace": "shop", "uid": "7"}, "status": {"podIP": "10.0.0.9"}}"#;
    /// let pod = Object::parse(Kind::Pod, json)?;
    /// assert_eq!(pod.metadata().name, "web-0");
    /// assert!(Object::parse(Kind::Pod, "{}").is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// Text that is no JSON, or a needed field of another type.
    pub fn parse(kind: Kind, json: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Pod => Self::Pod(serde_json::from_str(json)?),
            Kind::Node => Self::Node(serde_json::from_str(json)?),
            Kind::Service => Self::Service(serde_json::from_str(json)?),
            Kind::EndpointSlice => Self::EndpointSlice(serde_json::from_str(json)?),
            Kind::ReplicaSet => Self::ReplicaSet(serde_json::from_str(json)?),
            Kind::Job => Self::Job(serde_json::from_str(json)?),
            Kind::Namespace => Self::Namespace(serde_json::from_str(json)?),
            Kind::NetworkPolicy => Self::NetworkPolicy(serde_json::from_str(json)?),
            Kind::Ingress => Self::Ingress(serde_json::from_str(json)?),
            Kind::Gateway => Self::Gateway(serde_json::from_str(json)?),
        })
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Pod(_) => Kind::Pod,
            Self::Node(_) => Kind::Node,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::Job(_) => Kind::Job,
            Self::Namespace(_) => Kind::Namespace,
            Self::NetworkPolicy(_) => Kind::NetworkPolicy,
            Self::Ingress(_) => Kind::Ingress,
            Self::Gateway(_) => Kind::Gateway,
        }
    }

    /// Returns the metadata.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        match self {
            Self::Pod(pod) => &pod.metadata,
            Self::Service(service) => &service.metadata,
            Self::Node(it) | Self::Ingress(it) | Self::Gateway(it) => &it.metadata,
            Self::ReplicaSet(it) | Self::Job(it) | Self::Namespace(it) => &it.metadata,
            Self::EndpointSlice(slice) => &slice.metadata,
            Self::NetworkPolicy(policy) => &policy.metadata,
        }
    }
}
