//! Fetches kernels from this machine's Debian mirror, with an apt of its own. Nothing is installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::kernels::{KERNELS, Kernel};
use crate::{project, shell};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

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

/// An apt with directories of its own.
pub(super) struct Apt {
    configuration: PathBuf,
    packages: Vec<String>,
}

impl Apt {
    /// Reads the mirror's indexes.
    pub(super) fn update() -> Result<Self> {
        let root = cache().join("apt");
        for directory in [
            "etc/apt/preferences.d",
            "etc/apt/apt.conf.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg",
        ] {
            fs::create_dir_all(root.join(directory))?;
        }
        let status = root.join("var/lib/dpkg/status");
        fs::write(&status, "")?;
        let targets = shell::read(
            Command::new("apt-get")
                .args(["indextargets", "--format", "$(REPO_URI) $(RELEASE)"])
                .arg("Created-By: Packages"),
        )?;
        fs::write(root.join("etc/apt/sources.list"), sources(&targets)?)?;
        let configuration = root.join("apt.conf");
        fs::write(
            &configuration,
            format!(
                "Dir \"{}\";\nDir::State::status \"{}\";\nAPT::Sandbox::User \"root\";\nAcquire::Check-Valid-Until \"false\";\n\
                 Acquire::Languages \"none\";\n",
                root.display(),
                status.display()
            ),
        )?;
        let mut apt = Self {
            configuration,
            packages: Vec::new(),
        };
        shell::run(
            apt.command("apt-get")
                .args(["--quiet=2", "update", "--error-on=any"]),
        )
        .context("cannot read the mirror's indexes")?;
        let names = shell::read(apt.command("apt-cache").arg("pkgnames"))?;
        apt.packages = names.lines().map(str::to_owned).collect();
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration);
        command
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
                    && self.unpack(&package, &root_of(release)).is_ok()
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

    fn unpack(&self, package: &str, root: &Path) -> Result<()> {
        println!("fetching {package}");
        let archives = cache().join("debs").join(package);
        fs::create_dir_all(&archives)?;
        fs::create_dir_all(root)?;
        shell::run(
            self.command("apt-get")
                .args(["--quiet=2", "download", package])
                .current_dir(&archives),
        )?;
        for archive in fs::read_dir(&archives)? {
            shell::run(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(archive?.path())
                    .arg(root),
            )?;
        }
        fs::remove_dir_all(archives)?;
        Ok(())
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

/// Returns sources of every suite with a kernel, at this machine's own mirrors.
fn sources(targets: &str) -> Result<String> {
    let mirror = |security: bool| {
        targets
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, suite)| suite.ends_with("-security") == security && is_debian(suite))
            .map(|(uri, _)| uri)
    };
    let mut suites: Vec<&str> = KERNELS.iter().map(|kernel| kernel.suite).collect();
    suites.dedup();
    let mut lines = String::new();
    for suite in suites {
        let uri = mirror(suite.ends_with("-security"))
            .context("cannot find a Debian mirror in this machine's apt sources")?;
        lines.extend([format!("deb [signed-by={KEYRING}] {uri} {suite} main\n")]);
    }
    ensure!(
        Path::new(KEYRING).is_file(),
        "cannot find `{KEYRING}`: type `apt-get install debian-archive-keyring`"
    );
    Ok(lines)
}

fn is_debian(suite: &str) -> bool {
    let name = suite.split('-').next().unwrap_or_default();
    ["bullseye", "bookworm", "trixie", "forky", "sid", "stable"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_those_that_the_machine_uses() {
        let targets = "http://other/repo nodistro\nhttp://mirror/debian bookworm\nhttp://mirror/debian bookworm-updates\n\
            http://mirror/security bookworm-security\n";
        let Ok(sources) = sources(targets) else {
            return assert!(!Path::new(KEYRING).is_file());
        };
        assert!(
            sources.contains(" http://mirror/security bookworm-security main\n"),
            "{sources}"
        );
        assert!(
            sources.contains(" http://mirror/debian trixie-backports main\n"),
            "{sources}"
        );
        assert_eq!(sources.lines().count(), 4);
        assert!(super::sources("http://other/repo nodistro\n").is_err());
    }
}
