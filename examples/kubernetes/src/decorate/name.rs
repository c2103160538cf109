//! Names of attributes.

use std::sync::Arc;

use crate::OwnerKind;

/// One of both endpoints of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Source, Self::Destination];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

macro_rules! names {
    ($($name:ident $text:literal $values:ident $meaning:literal,)+) => {
        /// An attribute of an end of a flow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Name {
            $(#[doc = concat!("`source.", $text, "`, `destination.", $text, "`: ", $meaning, ".")] $name,)+
        }

        impl Name {
            /// All names.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name without `source.` or `destination.`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Returns true if it has few values, however many pods come and go: false for names of pods, replica sets and jobs,
            /// and for each uid except the cluster's.
            #[must_use]
            pub const fn has_few_values(self) -> bool {
                match self {
                    $(Self::$name => matches!(Values::$values, Values::Few),)+
                }
            }

            /// Returns its meaning.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }
        }
    };
}

/// The number of values that an attribute has in the life of a cluster.
enum Values {
    Few,
    Many,
}

names! {
    ClusterName "k8s.cluster.name" Few "Name of the cluster, as set by hand",
    ClusterUid "k8s.cluster.uid" Few "Uid of the namespace `kube-system`",
    NodeName "k8s.node.name" Few "Name of the node",
    NodeUid "k8s.node.uid" Many "Uid of the node",
    AvailabilityZone "cloud.availability_zone" Few "Zone of the node, by its label `topology.kubernetes.io/zone`",
    Region "cloud.region" Few "Region of the node, by its label `topology.kubernetes.io/region`",
    NamespaceName "k8s.namespace.name" Few "Namespace of the pod, service, ingress or gateway",
    NamespaceUid "k8s.namespace.uid" Many "Uid of the namespace",
    PodName "k8s.pod.name" Many "Name of the pod that had the address when the flow began",
    PodUid "k8s.pod.uid" Many "Uid of the pod",
    ContainerName "k8s.container.name" Few "Name of the container in its pod: by the process, else the one that declares the port, else the only one",
    RuntimeContainerName "container.name" Few "The same",
    ImageName "container.image.name" Few "Image of the container, without tag and digest",
    DeploymentName "k8s.deployment.name" Few "Name of the deployment that owns the pod",
    DeploymentUid "k8s.deployment.uid" Many "Uid of the deployment",
    ReplicaSetName "k8s.replicaset.name" Many "Name of the replica set",
    ReplicaSetUid "k8s.replicaset.uid" Many "Uid of the replica set",
    StatefulSetName "k8s.statefulset.name" Few "Name of the stateful set",
    StatefulSetUid "k8s.statefulset.uid" Many "Uid of the stateful set",
    DaemonSetName "k8s.daemonset.name" Few "Name of the daemon set",
    DaemonSetUid "k8s.daemonset.uid" Many "Uid of the daemon set",
    JobName "k8s.job.name" Many "Name of the job",
    JobUid "k8s.job.uid" Many "Uid of the job",
    CronJobName "k8s.cronjob.name" Few "Name of the cron job",
    CronJobUid "k8s.cronjob.uid" Many "Uid of the cron job",
    ServiceName "k8s.service.name" Few "Name of the service that has the address, or the pod and port among its endpoints",
    ServiceUid "k8s.service.uid" Many "Uid of the service",
    IngressName "k8s.ingress.name" Few "Name of the ingress that has the address",
    GatewayName "k8s.gateway.name" Few "Name of the gateway that has the address",
    NetworkName "network.name" Few "Name of the smallest network with the address (`Settings::network`)",
}

impl Name {
    /// Returns the two attributes of an owner of this kind: its name and its uid.
    pub(super) const fn of_owner(kind: OwnerKind) -> [Self; 2] {
        match kind {
            OwnerKind::Deployment => [Self::DeploymentName, Self::DeploymentUid],
            OwnerKind::ReplicaSet => [Self::ReplicaSetName, Self::ReplicaSetUid],
            OwnerKind::StatefulSet => [Self::StatefulSetName, Self::StatefulSetUid],
            OwnerKind::DaemonSet => [Self::DaemonSetName, Self::DaemonSetUid],
            OwnerKind::Job => [Self::JobName, Self::JobUid],
            OwnerKind::CronJob => [Self::CronJobName, Self::CronJobUid],
        }
    }

    /// Returns the attribute with a name, the inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }
}

/// The whole names of both ends, made once.
#[derive(Clone, Debug)]
pub(super) struct Names([Box<[Arc<str>]>; 2]);

impl Names {
    pub(super) fn new() -> Self {
        Self(Side::BOTH.map(|side| {
            let all = Name::ALL.iter();
            all.map(|name| format!("{}.{}", side.as_str(), name.as_str()).into())
                .collect()
        }))
    }

    pub(super) fn get(&self, side: Side, name: Name) -> Option<Arc<str>> {
        self.0[side as usize].get(name as usize).cloned()
    }
}
