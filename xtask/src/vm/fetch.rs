//! Fetches kernels from this machine's Debian mirrors. Nothing is installed.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::kernels::{KERNELS, Kernel};
use crate::{
    apt::{Apt, Packages},
    project,
};

/// A kernel on this disk.
pub(super) struct Fetched {
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// The directory with `lib/modules/<release>`.
    pub(super) root: PathBuf,
}

/// Returns the directory of fetched kernels.
pub(super) fn cache() -> PathBuf {
    project::target_dir().join("vm")
}

/// The kernels of this machine's Debian mirrors.
pub(super) struct Mirror {
    apt: Apt,
    packages: Vec<String>,
}

impl Mirror {
    /// Reads the mirrors' indexes.
    pub(super) fn read() -> Result<Self> {
        let mut suites: Vec<&str> = KERNELS.iter().map(|kernel| kernel.suite).collect();
        suites.dedup();
        let apt = Apt::update(cache().join("apt"), &suites, Packages::Binary)?;
        let packages = apt.names()?;
        Ok(Self { apt, packages })
    }

    /// Fetches and unpacks the newest release of a series that the mirror has.
    pub(super) fn fetch(&self, kernel: &Kernel) -> Result<Fetched> {
        let releases = kernel.releases(&self.packages);
        for release in &releases {
            if let Some(fetched) = fetched(release) {
                return Ok(fetched);
            }
            for package in candidates(release) {
                // Some packages in the index are not on the mirror.
                if self.packages.contains(&package)
                    && self.apt.unpack(&package, &root_of(release)).is_ok()
                    && let Some(fetched) = fetched(release)
                {
                    return Ok(fetched);
                }
            }
        }
        bail!(
            "cannot fetch a {} kernel: the mirror has none of {releases:?}",
            kernel.series
        )
    }
}

fn root_of(release: &str) -> PathBuf {
    cache().join("kernels").join(release)
}

/// Returns the packages of a release. Modules are in the image's package up to 6.18, later in one of their own.
fn candidates(release: &str) -> [String; 5] {
    [
        format!("linux-image-{release}-unsigned"),
        format!("linux-image-{release}"),
        format!("linux-binary-{release}"),
        format!("linux-modules-{release}"),
        format!("linux-base-{release}"),
    ]
}

/// Returns the files of a release on this disk, if they are complete.
fn fetched(release: &str) -> Option<Fetched> {
    let root = root_of(release);
    // Newer packages have modules below /usr, and the newest also the image.
    let images = [
        root.join(format!("boot/vmlinuz-{release}")),
        root.join(format!("usr/lib/modules/{release}/vmlinuz")),
    ];
    let image = images.into_iter().find(|image| image.is_file())?;
    let root = [root.clone(), root.join("usr")].into_iter().find(|root| {
        root.join("lib/modules")
            .join(release)
            .join("kernel")
            .is_dir()
    })?;
    Some(Fetched {
        release: release.to_owned(),
        image,
        root,
    })
}
