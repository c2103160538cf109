//! Settings of the decoration.

use super::name::Name;

/// Attributes that flows get.
///
/// ```
/// use mermin_kubernetes::{Name, Settings};
///
/// let names = [Name::NamespaceName, Name::DeploymentName, Name::PodName];
/// let settings = Settings::default().cluster_name("prod-1").only(names).policies(false);
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) cluster_name: Option<String>,
    pub(super) policies: bool,
    /// A bit for each name.
    names: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_name: None,
            policies: true,
            names: u64::MAX,
        }
    }
}

impl Settings {
    /// Sets `k8s.cluster.name`: the API does not know it. Default: absent.
    #[must_use]
    pub fn cluster_name(mut self, name: impl Into<String>) -> Self {
        self.cluster_name = Some(name.into());
        self
    }

    /// Adds only these attributes of each end. Default: all that are known.
    #[must_use]
    pub fn only(mut self, names: impl IntoIterator<Item = Name>) -> Self {
        self.names = names.into_iter().fold(0, |names, name| names | bit(name));
        self
    }

    /// Leaves these attributes out.
    #[must_use]
    pub fn without(mut self, names: impl IntoIterator<Item = Name>) -> Self {
        self.names = names
            .into_iter()
            .fold(self.names, |names, name| names & !bit(name));
        self
    }

    /// Sets if flows get `network.policy.egress`, the policies that select the source, and `network.policy.ingress`, those
    /// that select the destination. Default: true.
    #[must_use]
    pub const fn policies(mut self, policies: bool) -> Self {
        self.policies = policies;
        self
    }

    pub(super) const fn has(&self, name: Name) -> bool {
        self.names & bit(name) != 0
    }
}

const fn bit(name: Name) -> u64 {
    1 << name as u32
}

const _: () = assert!(Name::ALL.len() <= 64);
