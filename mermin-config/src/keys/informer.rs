//! Objects of Kubernetes that flows are matched with.

use std::collections::BTreeMap;

use crate::{
    schema::section,
    value::{Bounded, Kind, Operator, PositiveDuration},
};

section! {
    /// Objects that flows are matched with.
    Informer, Labels {
        /// Objects of Kubernetes.
        k8s: K8sInformer = K8sInformer::preset(), Application;
    }
}

section! {
    /// Objects of Kubernetes, kept in memory.
    K8sInformer, Nested {
        /// A kubeconfig file; empty for the pod's own service account.
        kubeconfig_path: String = String::new(), Application;
        /// How long the first reading of all objects may take.
        informers_sync_timeout: PositiveDuration = PositiveDuration::seconds::<30>(), Application;
        /// Which objects are kept. The default is every kind there is, Endpoint and Node aside.
        selectors: Vec<Selector> = usual_selectors(), Application;
        /// Owners of an object that flows are told about.
        owner_relations: OwnerRelations = OwnerRelations::preset(), Application;
        /// Objects that select others by their labels. The default is network policies and services, which select pods.
        selector_relations: Vec<SelectorRelation> = usual_relations(), Application;
        retired informers_resync_period "Of earlier versions: a watch needs no reading again.";
    }
}

section! {
    /// Objects of one kind to keep.
    Selector, Nested {
        /// The kind, in upper or lower case.
        kind: Kind = Kind::Pod, Application, required;
        /// Objects that match are kept; where false, they are left out.
        include: bool = true, Application;
        /// Namespaces; all where it is empty.
        namespaces: Vec<String> = Vec::new(), Application;
        /// Labels and their values, all of which an object must have.
        match_labels: BTreeMap<String, String> = BTreeMap::new(), Application;
        /// Conditions on labels, all of which must hold.
        match_expressions: Vec<MatchExpression> = Vec::new(), Application;
    }
}

section! {
    /// A condition on a label, as of Kubernetes' set-based selectors.
    MatchExpression, Nested {
        /// The label.
        key: String = String::new(), Application, required;
        /// How it is compared.
        operator: Operator = Operator::In, Application;
        /// With what.
        values: Vec<String> = Vec::new(), Application;
    }
}

section! {
    /// Owners of an object that flows are told about.
    OwnerRelations, Nested {
        /// How many owners of owners; 0 for none.
        max_depth: Bounded<0, 32> = Bounded::preset::<5>(), Application;
        /// Kinds that flows are told about; all where it is empty.
        include_kinds: Vec<Kind> = Vec::new(), Application;
        /// Kinds that flows are not told about, whatever `include_kinds` says.
        exclude_kinds: Vec<Kind> = Vec::new(), Application;
    }
}

section! {
    /// A kind of objects that select others by their labels.
    SelectorRelation, Nested {
        /// The kind that selects.
        kind: Kind = Kind::NetworkPolicy, Application, required;
        /// The kind that is selected.
        to: Kind = Kind::Pod, Application, required;
        /// Where the selecting object has its labels.
        selector_match_labels_field: Option<String> = None, Application;
        /// Where the selecting object has its conditions.
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
            ..Selector::preset()
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
