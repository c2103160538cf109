//! State that objects of all kinds share.

use std::{collections::VecDeque, sync::Arc};

use super::{
    addresses::Addresses,
    pod::{Container, Template},
    pool::Pool,
    selector::Label,
};
use crate::{Extract, Kind, Moment, api::Metadata};

/// State that objects of all kinds share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) texts: Pool<str>,
    pub(super) labels: Pool<[Label]>,
    pub(super) containers: Pool<[Container]>,
    pub(super) templates: Pool<Template>,
    pub(super) addresses: Addresses,
    pub(super) extract: Extract,
    /// Retired objects, in the order in which they were retired: the time, the kind and the slot.
    pub(super) retired: VecDeque<(Moment, Kind, u32)>,
    revision: u64,
}

impl Shared {
    pub(super) fn new(extract: Extract) -> Self {
        Self {
            extract,
            ..Self::default()
        }
    }

    /// Returns a number that no object had before. An object with the same number has not changed.
    pub(super) const fn revise(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Returns shared labels, sorted by key.
    pub(super) fn labels_of(&mut self, metadata: &Metadata) -> Arc<[Label]> {
        let labels = metadata.labels.0.iter();
        let labels: Vec<Label> = labels
            .map(|(key, text)| (self.texts.share(key), self.texts.share(text)))
            .collect();
        self.labels.share(&labels)
    }

    /// Returns the labels and annotations that are to be in records, under `labels.` and `annotations.`.
    pub(super) fn extracted(&mut self, kind: Kind, metadata: &Metadata) -> Arc<[Label]> {
        let mut found: Vec<Label> = Vec::new();
        if let Some(keys) = self.extract.keys(kind) {
            for (prefix, wanted, texts) in [
                ("labels", &keys.labels, &metadata.labels),
                ("annotations", &keys.annotations, &metadata.annotations),
            ] {
                for (key, text) in texts.0.iter().filter(|(key, _)| wanted.contains(key)) {
                    let name = format!("{prefix}.{key}");
                    found.push((self.texts.share(&name), self.texts.share(text)));
                }
            }
        }
        self.labels.share(&found)
    }
}
