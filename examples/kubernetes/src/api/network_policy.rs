//! Network policies: `networking.k8s.io/v1`. The rules themselves are not read: an object says which pods it selects.

use serde::Deserialize;

use super::{
    metadata::{Metadata, Texts},
    null::null,
};

/// A network policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct NetworkPolicy {
    /// Metadata.
    pub metadata: Metadata,
    /// The wanted state.
    #[serde(default, deserialize_with = "null")]
    pub spec: NetworkPolicySpec,
}

/// The pods and directions of a network policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NetworkPolicySpec {
    /// Pods of its namespace; absent or empty selects all.
    #[serde(default, deserialize_with = "null")]
    pub pod_selector: LabelSelector,
    /// `Ingress`, `Egress`. The server fills it in.
    #[serde(default, deserialize_with = "null")]
    pub policy_types: Vec<String>,
}

/// A selector of labels: `LabelSelector` of `meta/v1`. All conditions must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LabelSelector {
    /// Labels with their values.
    #[serde(default, deserialize_with = "null")]
    pub match_labels: Texts,
    /// Further conditions.
    #[serde(default, deserialize_with = "null")]
    pub match_expressions: Vec<Requirement>,
}

/// A condition of a selector.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// The relation to the values.
    pub operator: Operator,
    /// Values of `In` and `NotIn`.
    #[serde(default, deserialize_with = "null")]
    pub values: Vec<String>,
}

/// The relation of a label to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values, or no such label.
    NotIn,
    /// Any value.
    Exists,
    /// No such label.
    DoesNotExist,
}
