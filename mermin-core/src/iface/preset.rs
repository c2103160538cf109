//! Sets of interface patterns for common kinds of hosts.

use std::{fmt, iter::Copied, slice, str::FromStr};

use crate::error::{Error, ErrorKind};

/// Patterns for the interfaces of a Kubernetes network (CNI) or of a bare host.
///
/// Devices of pods show traffic between pods, also on one node. Tunnel devices show traffic between nodes without its
/// encapsulation. A node's own devices carry the same packets with encapsulation, so watching both counts them twice.
///
/// ```
/// use mermin_core::{FlowSource, Preset};
///
/// let calico: Preset = "calico".parse()?;
/// assert_eq!(calico.patterns(), ["veth*", "cali*", "tunl*"]);
/// let builder = FlowSource::builder().interfaces(calico);
///
/// // With other patterns in addition:
/// let builder = builder.interfaces(calico.into_iter().chain(["eth0"]));
/// assert_eq!(builder.get_interfaces().len(), 4);
/// # Ok::<(), mermin_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// `calico`: `veth*`, `cali*`, `tunl*`.
    Calico,
    /// `cilium`: `veth*`, `cilium_*`, `lxc*`.
    Cilium,
    /// `flannel`: `veth*`, `flannel*`.
    Flannel,
    /// `gke-dataplane-v2`: `gke*`, `cilium_*`, `lxc*`.
    GkeDataplaneV2,
    /// `bare-host`: network cards by the kernel's and by systemd's names, bonds and teams.
    BareHost,
    /// `any-cni`: the devices of the Kubernetes networks above and of others, such as `eni*`, `azure*` and `ovn-k8s*`.
    AnyCni,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 6] = [
        Self::Calico,
        Self::Cilium,
        Self::Flannel,
        Self::GkeDataplaneV2,
        Self::BareHost,
        Self::AnyCni,
    ];

    /// Returns its name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calico => "calico",
            Self::Cilium => "cilium",
            Self::Flannel => "flannel",
            Self::GkeDataplaneV2 => "gke-dataplane-v2",
            Self::BareHost => "bare-host",
            Self::AnyCni => "any-cni",
        }
    }

    /// Returns its patterns.
    #[must_use]
    pub const fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Calico => &["veth*", "cali*", "tunl*"],
            Self::Cilium => &["veth*", "cilium_*", "lxc*"],
            Self::Flannel => &["veth*", "flannel*"],
            Self::GkeDataplaneV2 => &["gke*", "cilium_*", "lxc*"],
            // systemd.net-naming-scheme(7): en is Ethernet, wl and ww are wireless, ib is InfiniBand.
            Self::BareHost => &["eth*", "en*", "wl*", "ww*", "ib*", "bond*", "team*"],
            Self::AnyCni => &[
                "veth*", "tunl*", "ip6tnl*", "vxlan*", "flannel*", "cali*", "cilium_*", "lxc*",
                "gke*", "eni*", "azure*", "ovn-k8s*",
            ],
        }
    }
}

/// Makes [`interfaces`](crate::FlowSourceBuilder::interfaces) accept a preset.
impl IntoIterator for Preset {
    type Item = &'static str;
    type IntoIter = Copied<slice::Iter<'static, &'static str>>;

    fn into_iter(self) -> Self::IntoIter {
        self.patterns().iter().copied()
    }
}

impl FromStr for Preset {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidOption`] for an unknown name; the remedy lists the known ones.
    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            let message = format!("cannot use the interface preset `{name}`");
            Error::new(ErrorKind::InvalidOption, message)
                .with_remedy(format!("name one of those there are: {names}"))
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iface::Pattern;

    #[test]
    fn preset_has_a_name_and_valid_patterns() {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
            assert!(
                preset
                    .patterns()
                    .iter()
                    .all(|text| text.parse::<Pattern>().is_ok())
            );
        }
        let error = "calicoo".parse::<Preset>().unwrap_err();
        assert!(
            error
                .remedy()
                .is_some_and(|remedy| remedy.contains("gke-dataplane-v2"))
        );
    }

    #[test]
    fn devices_of_a_network_are_in_its_preset() {
        for (preset, name) in [
            (Preset::Calico, "cali1a2b3c4d5e6"),
            (Preset::Calico, "tunl0"),
            (Preset::Cilium, "lxc1a2b3c4d5e6f"),
            (Preset::Cilium, "cilium_vxlan"),
            (Preset::Flannel, "flannel.1"),
            (Preset::GkeDataplaneV2, "gke52b8b9a0b1c"),
            (Preset::BareHost, "enp3s0f1"),
            (Preset::BareHost, "eth0"),
            (Preset::AnyCni, "eni1a2b3c4d5e6"),
        ] {
            let fits = |text: &&str| text.parse::<Pattern>().unwrap().matches(name);
            assert!(preset.patterns().iter().any(fits), "{preset} {name}");
        }
    }
}
