//! Settings of the decoration.

use super::{
    name::Name,
    networks::{InvalidNetwork, Networks},
};

/// Attributes that flows get.
///
/// ```
/// use mermin_kubernetes::{Name, Settings};
///
/// // Attributes with few values, as labels of metrics should have.
/// let few = Settings::default().network("10.20.0.0/16", "office")?;
/// // Names and uids of pods as well.
/// let all = Settings::all();
/// let names = [Name::NamespaceName, Name::DeploymentName, Name::PodName];
/// let settings = Settings::default().cluster_name("prod-1").only(names).policies(false);
/// # let _ = (few, all, settings);
/// # Ok::<(), mermin_kubernetes::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) cluster_name: Option<String>,
    pub(super) policies: bool,
    pub(super) networks: Networks,
    /// A bit for each name.
    names: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_name: None,
            policies: true,
            networks: Networks::default(),
            names: few(),
        }
    }
}

impl Settings {
    /// Adds all attributes that are known, also those with a value for each pod.
    #[must_use]
    pub fn all() -> Self {
        Self {
            names: u64::MAX,
            ..Self::default()
        }
    }

    /// Sets `k8s.cluster.name`: the API does not know it. Default: absent.
    #[must_use]
    pub fn cluster_name(mut self, name: impl Into<String>) -> Self {
        self.cluster_name = Some(name.into());
        self
    }

    /// Names a network, for `network.name` of ends inside and outside the cluster. Of networks that contain each other, the
    /// smallest counts; of two names of one network, the last. Default: none.
    ///
    /// # Errors
    /// Text that is neither a network in CIDR notation (RFC 4632, RFC 4291) nor an address.
    pub fn network(mut self, network: &str, name: &str) -> Result<Self, InvalidNetwork> {
        self.networks.add(network, name)?;
        Ok(self)
    }

    /// Adds only these attributes of each end. Default: those [with few values](Name::has_few_values).
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

/// Returns the bits of the names with few values.
fn few() -> u64 {
    let few = Name::ALL.iter().filter(|name| name.has_few_values());
    few.fold(0, |names, name| names | bit(*name))
}

const fn bit(name: Name) -> u64 {
    1 << name as u32
}

const _: () = assert!(Name::ALL.len() <= 64);
