//! Owners: from a pod to the workload that it belongs to.

use std::sync::Arc;

use super::{
    pool::Pool,
    store::{Store, Uids as _},
};
use crate::api::OwnerReference;

/// Kinds of workloads that own pods, or that own their owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnerKind {
    /// `apps`.
    Deployment,
    /// `apps`.
    ReplicaSet,
    /// `apps`.
    StatefulSet,
    /// `apps`.
    DaemonSet,
    /// `batch`.
    Job,
    /// `batch`.
    CronJob,
}

impl OwnerKind {
    /// Returns the kind of a reference, by its group and name. A kind of the same name in another group is another kind.
    fn of(reference: &OwnerReference) -> Option<Self> {
        let (group, _) = reference.api_version.split_once('/')?;
        Some(match (group, reference.kind.as_str()) {
            ("apps", "Deployment") => Self::Deployment,
            ("apps", "ReplicaSet") => Self::ReplicaSet,
            ("apps", "StatefulSet") => Self::StatefulSet,
            ("apps", "DaemonSet") => Self::DaemonSet,
            ("batch", "Job") => Self::Job,
            ("batch", "CronJob") => Self::CronJob,
            _ => return None,
        })
    }
}

/// A workload, as the object that it owns names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// Kind.
    pub kind: OwnerKind,
    /// Name.
    pub name: Arc<str>,
    /// Uid.
    pub uid: Arc<str>,
}

impl Owner {
    /// Returns the managing owner, never one guessed from a name: the server cuts generated names at 58 characters.
    pub(super) fn of(controller: Option<&OwnerReference>, texts: &mut Pool<str>) -> Option<Self> {
        let reference = controller?;
        Some(Self {
            kind: OwnerKind::of(reference)?,
            name: texts.share(&reference.name),
            uid: texts.share(&reference.uid),
        })
    }
}

/// Owners of replica sets and jobs.
#[derive(Debug, Default)]
pub(super) struct Owners {
    pub(super) replica_sets: Store<Option<Owner>>,
    pub(super) jobs: Store<Option<Owner>>,
}

/// Largest number of owners above a pod.
const DEEPEST: usize = 5;

impl Owners {
    /// Returns an owner and those above it.
    pub(super) fn chain<'a>(&'a self, first: Option<&'a Owner>) -> impl Iterator<Item = &'a Owner> {
        std::iter::successors(first, |owner| self.above(owner)).take(DEEPEST)
    }

    fn above(&self, owner: &Owner) -> Option<&Owner> {
        let store = match owner.kind {
            OwnerKind::ReplicaSet => &self.replica_sets,
            OwnerKind::Job => &self.jobs,
            _ => return None,
        };
        store.get(store.find(&owner.uid)?)?.as_ref()
    }
}
