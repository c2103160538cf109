//! An apt with directories of its own, for packages of this machine's Debian mirrors. Nothing is installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::shell;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Kind of a suite's packages, as in `sources.list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packages {
    Binary,
    /// Binary packages, and the sources that they are built from.
    WithSources,
}

impl Packages {
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Binary => &["deb"],
            Self::WithSources => &["deb", "deb-src"],
        }
    }
}

/// An apt with directories of its own.
pub(crate) struct Apt {
    root: PathBuf,
    configuration: PathBuf,
}

impl Apt {
    /// Reads the mirrors' indexes of these suites. `root` gets its directories.
    pub(crate) fn update(root: PathBuf, suites: &[&str], packages: Packages) -> Result<Self> {
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
        let sources = sources(&targets, suites, packages)?;
        fs::write(root.join("etc/apt/sources.list"), sources)?;
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
        let apt = Self {
            root,
            configuration,
        };
        shell::run(
            apt.command("apt-get")
                .args(["--quiet=2", "update", "--error-on=any"]),
        )
        .context("cannot read the mirror's indexes")?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration);
        command
    }

    /// Returns the names of all packages.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let names = shell::read(self.command("apt-cache").arg("pkgnames"))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Fetches a package and unpacks it below a directory. The package is a name, or `name=version`.
    pub(crate) fn unpack(&self, package: &str, below: &Path) -> Result<()> {
        let archives = self.download(&["download", package])?;
        fs::create_dir_all(below)?;
        for archive in fs::read_dir(&archives)? {
            shell::run(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(archive?.path())
                    .arg(below),
            )?;
        }
        fs::remove_dir_all(archives)?;
        Ok(())
    }

    /// Fetches the tarball of a source, as its authors published it, and unpacks it into a directory. The source is a name,
    /// or `name=version`.
    pub(crate) fn unpack_source(&self, source: &str, into: &Path) -> Result<()> {
        let archives = self.download(&["source", "--download-only", "--tar-only", source])?;
        fs::create_dir_all(into)?;
        for archive in fs::read_dir(&archives)? {
            shell::run(
                Command::new("tar")
                    .args(["--extract", "--strip-components=1", "--file"])
                    .arg(archive?.path())
                    .arg("--directory")
                    .arg(into),
            )?;
        }
        fs::remove_dir_all(archives)?;
        Ok(())
    }

    /// Fetches into an empty directory, and returns it.
    fn download(&self, words: &[&str]) -> Result<PathBuf> {
        let what = words.last().context("cannot fetch nothing")?;
        println!("fetching {what}");
        let archives = self.root.join("archives").join(what);
        if archives.exists() {
            fs::remove_dir_all(&archives)?;
        }
        fs::create_dir_all(&archives)?;
        shell::run(
            self.command("apt-get")
                .arg("--quiet=2")
                .args(words)
                .current_dir(&archives),
        )?;
        Ok(archives)
    }
}

/// Returns sources of suites at this machine's own mirrors.
fn sources(targets: &str, suites: &[&str], packages: Packages) -> Result<String> {
    let mirror = |security: bool| {
        targets
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, suite)| suite.ends_with("-security") == security && is_debian(suite))
            .map(|(uri, _)| uri)
    };
    let mut lines = String::new();
    for suite in suites {
        let uri = mirror(suite.ends_with("-security"))
            .context("cannot find a Debian mirror in this machine's apt sources")?;
        for word in packages.words() {
            lines.extend([format!("{word} [signed-by={KEYRING}] {uri} {suite} main\n")]);
        }
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
        let suites = ["bookworm-security", "trixie-backports"];
        let Ok(binary) = sources(targets, &suites, Packages::Binary) else {
            return assert!(!Path::new(KEYRING).is_file());
        };
        assert_eq!(
            binary,
            format!(
                "deb [signed-by={KEYRING}] http://mirror/security bookworm-security main\n\
                 deb [signed-by={KEYRING}] http://mirror/debian trixie-backports main\n"
            )
        );
        let both = sources(targets, &["bookworm"], Packages::WithSources).unwrap();
        assert!(
            both.ends_with(" http://mirror/debian bookworm main\n"),
            "{both}"
        );
        assert!(both.contains("\ndeb-src [signed-by="), "{both}");
        let elsewhere = "http://other/repo nodistro\n";
        assert!(sources(elsewhere, &suites, Packages::Binary).is_err());
    }
}
