//! Fetches etcd and kubectl, and builds kube-apiserver from Debian's source.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    openapi,
    versions::{GO, PROGRAMS, REFLECT, SOURCE, SUITE, key},
};
use crate::{
    apt::{Apt, Packages},
    project, shell,
};

const SERVER: &str = "kube-apiserver";
/// Part of how the server is built, as are the flags below: a change of them needs another `versions::BUILD`. Without the cloud providers' libraries, which are more than half of it.
const TAGS: &str = "selinux,notest,providerless";

/// Returns the folder of the programs, which it makes if it is not there.
pub(super) fn programs() -> Result<PathBuf> {
    let folder = project::target_dir().join("api-server");
    let programs = folder.join(key());
    if programs.join(SERVER).is_file() {
        return Ok(programs);
    }
    let work = Work(folder.join("work"));
    if work.0.exists() {
        fs::remove_dir_all(&work.0)?;
    }
    let apt = Apt::update(folder.join("apt"), &[SUITE], Packages::WithSources)?;
    work.fetch(&apt)?;
    fs::create_dir_all(&programs)?;
    for program in ["etcd", "etcdctl", "kubectl"] {
        let from = work.packages().join("usr/bin").join(program);
        fs::copy(&from, programs.join(program))
            .with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    work.replace_reflect()?;
    println!("building {SERVER}: 6 minutes of CPU time");
    let built = work.build()?;
    // The last file: with it, the folder is complete.
    fs::rename(built, programs.join(SERVER))?;
    fs::remove_dir_all(&work.0)?;
    Ok(programs)
}

/// The folder in which it is built.
struct Work(PathBuf);

impl Work {
    /// Returns the root of unpacked packages.
    fn packages(&self) -> PathBuf {
        self.0.join("packages")
    }

    /// Returns the server's source. Before modules, Go found a package by its place.
    fn source(&self) -> PathBuf {
        self.0.join("go/src/k8s.io/kubernetes")
    }

    fn fetch(&self, apt: &Apt) -> Result<()> {
        for package in GO.iter().chain(&PROGRAMS).chain([&REFLECT]) {
            apt.unpack(&package.request(), &self.packages())?;
        }
        apt.unpack_source(&SOURCE.request(), &self.source())
    }

    fn replace_reflect(&self) -> Result<()> {
        let place = "github.com/modern-go/reflect2";
        let old = self.source().join("vendor").join(place);
        let new = self.packages().join("usr/share/gocode/src").join(place);
        fs::remove_dir_all(&old)?;
        fs::create_dir(&old)?;
        for file in fs::read_dir(&new).context("cannot read reflect2's package")? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), old.join(file.file_name()))?;
            }
        }
        Ok(())
    }

    fn build(&self) -> Result<PathBuf> {
        let generator = self.0.join("openapi-gen");
        self.compile(
            &generator,
            "./vendor/k8s.io/kube-openapi/cmd/openapi-gen",
            &[],
        )?;
        let mut generate = self.go_tool(&generator);
        openapi::arguments(&mut generate, &self.source(), &self.0)?;
        shell::run(&mut generate)?;
        let server = self.0.join(SERVER);
        let flags = ["-tags", TAGS, "-ldflags", "-s -w"];
        self.compile(&server, "./cmd/kube-apiserver", &flags)?;
        Ok(server)
    }

    fn compile(&self, output: &Path, package: &str, flags: &[&str]) -> Result<()> {
        let mut go = self.go_tool(&self.root_of_go().join("bin/go"));
        go.args(["build", "-o"]).arg(output);
        shell::run(go.args(flags).arg(package))
    }

    fn root_of_go(&self) -> PathBuf {
        self.packages().join("usr/lib/go-1.19")
    }

    /// Returns a command that runs in the source, with Go as it was before modules, and without a network.
    fn go_tool(&self, program: &Path) -> Command {
        let root = self.root_of_go();
        let mut paths = vec![root.join("bin")];
        paths.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new(program);
        command
            .current_dir(self.source())
            .env("GOROOT", root)
            .env("GOPATH", self.0.join("go"))
            .env("GOCACHE", self.0.join("cache"))
            .env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0");
        if let Ok(paths) = env::join_paths(paths) {
            command.env("PATH", paths);
        }
        command
    }
}
