//! Labels and annotations that records get.

use std::collections::{BTreeSet, HashMap};

use crate::Kind;

/// Labels and annotations of objects that records get, by kind and key. None unless asked for: their number is not bounded,
/// and annotations may hold secrets.
///
/// ```
/// use mermin_kubernetes::{Extract, Kind};
///
/// let extract = Extract::default()
///     .label(Kind::Pod, "app.kubernetes.io/name")
///     .annotation(Kind::Namespace, "team");
/// # let _ = extract;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extract(HashMap<Kind, Keys>);

/// Keys of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) labels: BTreeSet<String>,
    pub(crate) annotations: BTreeSet<String>,
}

impl Extract {
    /// Adds a label of pods, namespaces, nodes or services: `source.k8s.pod.labels.<key>`.
    #[must_use]
    pub fn label(mut self, kind: Kind, key: impl Into<String>) -> Self {
        self.0.entry(kind).or_default().labels.insert(key.into());
        self
    }

    /// Adds an annotation: `source.k8s.pod.annotations.<key>`.
    #[must_use]
    pub fn annotation(mut self, kind: Kind, key: impl Into<String>) -> Self {
        let keys = self.0.entry(kind).or_default();
        keys.annotations.insert(key.into());
        self
    }

    pub(crate) fn keys(&self, kind: Kind) -> Option<&Keys> {
        self.0.get(&kind)
    }
}
