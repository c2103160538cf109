//! Kinds of objects that are followed.

use std::fmt;

/// A kind of Kubernetes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Pods: addresses, labels, containers, owners.
    Pod,
    /// Nodes: addresses.
    Node,
    /// Services: cluster, external and load balancer addresses, node ports.
    Service,
    /// Endpoint slices: the pods behind a service.
    EndpointSlice,
    /// Replica sets, which lead from a pod to its deployment.
    ReplicaSet,
    /// Jobs, which lead from a pod to its cron job.
    Job,
    /// Namespaces. The uid of `kube-system` identifies the cluster.
    Namespace,
    /// Network policies.
    NetworkPolicy,
    /// Ingresses: addresses.
    Ingress,
    /// Gateways: addresses.
    Gateway,
}

/// A place of a kind in the API: its group, version, and plural name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural name.
    pub plural: &'static str,
}

impl Kind {
    /// All kinds, those first that a name depends on most.
    pub const ALL: [Self; 10] = [
        Self::Pod,
        Self::Node,
        Self::Service,
        Self::EndpointSlice,
        Self::ReplicaSet,
        Self::Job,
        Self::Namespace,
        Self::NetworkPolicy,
        Self::Ingress,
        Self::Gateway,
    ];

    /// Returns the name of the kind, as in `kind:` of a manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::Namespace => "Namespace",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Ingress => "Ingress",
            Self::Gateway => "Gateway",
        }
    }

    /// Returns where servers have the kind, the newest version first. A server before 1.21 has only `v1beta1` of endpoint
    /// slices; gateways are there if their custom resources are installed.
    #[must_use]
    pub const fn resources(self) -> &'static [Resource] {
        const fn at(group: &'static str, version: &'static str, plural: &'static str) -> Resource {
            Resource {
                group,
                version,
                plural,
            }
        }
        match self {
            Self::Pod => const { &[at("", "v1", "pods")] },
            Self::Node => const { &[at("", "v1", "nodes")] },
            Self::Service => const { &[at("", "v1", "services")] },
            Self::Namespace => const { &[at("", "v1", "namespaces")] },
            Self::ReplicaSet => const { &[at("apps", "v1", "replicasets")] },
            Self::Job => const { &[at("batch", "v1", "jobs")] },
            Self::EndpointSlice => {
                const {
                    &[
                        at("discovery.k8s.io", "v1", "endpointslices"),
                        at("discovery.k8s.io", "v1beta1", "endpointslices"),
                    ]
                }
            }
            Self::NetworkPolicy => const { &[at("networking.k8s.io", "v1", "networkpolicies")] },
            Self::Ingress => const { &[at("networking.k8s.io", "v1", "ingresses")] },
            Self::Gateway => {
                const {
                    &[
                        at("gateway.networking.k8s.io", "v1", "gateways"),
                        at("gateway.networking.k8s.io", "v1beta1", "gateways"),
                    ]
                }
            }
        }
    }

    /// Returns true if only the metadata of the objects is needed, which a server sends alone when asked.
    #[must_use]
    pub const fn is_metadata_only(self) -> bool {
        matches!(self, Self::ReplicaSet | Self::Job | Self::Namespace)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_alone_is_asked_for_where_it_is_enough() {
        for kind in Kind::ALL {
            let enough = ["ReplicaSet", "Job", "Namespace"].contains(&kind.as_str());
            assert_eq!(kind.is_metadata_only(), enough, "{kind}");
            assert!(!kind.resources().is_empty());
        }
    }
}
