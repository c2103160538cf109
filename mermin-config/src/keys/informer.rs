//! Objects of Kubernetes that flows are matched with.

use std::collections::BTreeMap;

use crate::{
    schema::section,
    value::{Bounded, Kind, Operator, PositiveDuration},
};

section! {
    /// Objects that flows are matched with.
    Informer, Labels {
        /// Kubernetes objects.
        k8s: K8sInformer = K8sInformer::defaults(), Application;
    }
}

section! {
    /// Kubernetes objects, cached in memory.
    K8sInformer, Nested {
        /// Path of a kubeconfig file. Empty means the pod's service account.
        kubeconfig_path: String = String::new(), Application;
        /// Time limit for the first read of all objects. A startup probe has to allow more.
        informers_sync_timeout: PositiveDuration = PositiveDuration::seconds::<30>(), Application;
        /// Objects to cache. The default is every kind except Endpoint and Node.
        selectors: Vec<Selector> = usual_selectors(), Application;
        /// Owners of an object that are added to flows.
        owner_relations: OwnerRelations = OwnerRelations::defaults(), Application;
        /// Objects that select others by labels. The default is network policies and services, which select pods.
        selector_relations: Vec<SelectorRelation> = usual_relations(), Application;
        /// Name of the cluster, for `k8s.cluster.name`: its API does not know it. Empty adds no name.
        cluster_name: String = String::new(), Application;
        /// Names of networks, such as `{ "10.20.0.0/16" = "office" }`, for `network.name` of ends inside and outside the cluster. Of
        /// networks that contain each other, the smallest counts.
        networks: BTreeMap<String, String> = BTreeMap::new(), Application;
        retired informers_resync_period "A watch reports every change, so objects are not read again.";
    }
}

section! {
    /// Objects of one kind to cache.
    Selector, Nested {
        /// The kind, in upper or lower case.
        kind: Kind = Kind::Pod, Application, required;
        /// True caches matching objects, false leaves them out.
        include: bool = true, Application;
        /// Namespaces. Empty means all.
        namespaces: Vec<String> = Vec::new(), Unsupported;
        /// Labels with values. An object must have all of them.
        match_labels: BTreeMap<String, String> = BTreeMap::new(), Unsupported;
        /// Conditions on labels. An object must meet all of them.
        match_expressions: Vec<MatchExpression> = Vec::new(), Unsupported;
    }
}

section! {
    /// A condition on a label: a set-based selector of Kubernetes.
    MatchExpression, Nested {
        /// The label.
        key: String = String::new(), Application, required;
        /// The comparison.
        operator: Operator = Operator::In, Application;
        /// Values to compare with.
        values: Vec<String> = Vec::new(), Application;
    }
}

section! {
    /// Owners of an object that are added to flows.
    OwnerRelations, Nested {
        /// Maximum number of levels of owners above the object. 0 adds no owner.
        max_depth: Bounded<0, 32> = Bounded::constant::<5>(), Application;
        /// Kinds of owners to add. Empty means all.
        include_kinds: Vec<Kind> = Vec::new(), Application;
        /// Kinds of owners to omit. This key overrides `include_kinds`.
        exclude_kinds: Vec<Kind> = Vec::new(), Application;
    }
}

section! {
    /// A kind of object that selects others by labels.
    SelectorRelation, Nested {
        /// The selecting kind.
        kind: Kind = Kind::NetworkPolicy, Application, required;
        /// The selected kind.
        to: Kind = Kind::Pod, Application, required;
        /// Path of the labels in the selecting object.
        selector_match_labels_field: Option<String> = None, Application;
        /// Path of the conditions in the selecting object.
        selector_match_expressions_field: Option<String> = None, Application;
    }
}

/// The kinds that flows can be matched with; Endpoints aside, which `EndpointSlice` replaces, and nodes, which only who asks for
/// them gets.
fn usual_selectors() -> Vec<Selector> {
    Kind::ALL
        .iter()
        .filter(|kind| !matches!(kind, Kind::Endpoint | Kind::Node))
        .map(|kind| Selector {
            kind: *kind,
            ..Selector::defaults()
        })
        .collect()
}

fn usual_relations() -> Vec<SelectorRelation> {
    vec![
        SelectorRelation {
            kind: Kind::NetworkPolicy,
            to: Kind::Pod,
            selector_match_labels_field: Some("spec.podSelector.matchLabels".to_owned()),
            selector_match_expressions_field: Some("spec.podSelector.matchExpressions".to_owned()),
        },
        SelectorRelation {
            kind: Kind::Service,
            to: Kind::Pod,
            selector_match_labels_field: Some("spec.selector".to_owned()),
            selector_match_expressions_field: None,
        },
    ]
}
