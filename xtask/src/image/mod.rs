//! The agent as in its image: static, alone in a root file system, and in an archive that registries and nodes take.
//! `examples/agent/deploy/Dockerfile` builds the same by Docker.

mod archive;
mod documents;

use std::{
    env::consts::ARCH,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{project, shell};

/// Builds the static agent, runs it with nothing beside it, and has its archive read by another program.
pub(crate) fn test() -> Result<()> {
    let agent = agent(Profile::Debug, "")?;
    let mut test = shell::command(
        "cargo test -p mermin-agent --test agent -- --include-ignored static_agent_runs_alone",
    )?;
    shell::run(
        test.env("MERMIN_STATIC_AGENT", &agent)
            .env("MERMIN_REQUIRE_KERNEL", "1"),
    )?;
    let archive = folder().join("test.tar");
    write(&agent, &archive)?;
    is_read(&archive)
}

/// Does what the words ask for: without `--oci FILE`, the test.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let (archive, features) = match words {
        [] => return test(),
        ["--oci", archive] => (archive, ""),
        ["--oci", archive, "--features", features] => (archive, *features),
        _ => bail!(
            "type `cargo xtask image`, or `cargo xtask image --oci FILE [--features s3,zstd]`"
        ),
    };
    let agent = agent(Profile::Release, features)?;
    // Relative to where the command was typed: `cargo xtask` does not change the directory.
    write(&agent, Path::new(archive))
}

fn write(agent: &Path, archive: &Path) -> Result<()> {
    archive::write(agent, Path::new(archive::AUTHORITIES), &folder(), archive)
}

#[derive(Clone, Copy)]
enum Profile {
    Debug,
    Release,
}

/// Builds the static agent with these features, and returns its path.
fn agent(profile: Profile, features: &str) -> Result<PathBuf> {
    shell::find("musl-gcc").context("type `apt-get install musl-tools`")?;
    let target = format!("{ARCH}-unknown-linux-musl");
    // With an installed target, this says so and ends.
    shell::run(&mut shell::command(&format!("rustup target add {target}"))?)?;
    let (option, name) = match profile {
        Profile::Debug => ("", "debug"),
        Profile::Release => ("--release", "release"),
    };
    let mut build = shell::command(&format!(
        "cargo build {option} --locked --target {target} -p mermin-agent"
    ))?;
    shell::run(build.args(["--features", features]))?;
    let folder = project::target_dir().join(&target).join(name);
    Ok(folder.join("mermin-agent"))
}

/// Returns the folder for parts of an archive.
fn folder() -> PathBuf {
    project::target_dir().join("image")
}

/// Copies the archive by skopeo, which compares each digest and size, in both forms that the archive has.
fn is_read(archive: &Path) -> Result<()> {
    let skopeo = shell::find("skopeo").context("type `apt-get install skopeo`")?;
    for form in ["oci-archive", "docker-archive"] {
        let (from, to) = (
            format!("{form}:{}", archive.display()),
            format!("dir:{}", folder().join(form).display()),
        );
        let mut copy = Command::new(&skopeo);
        copy.args(["--insecure-policy", "copy", "--quiet"]);
        shell::run(copy.arg(&from).arg(to))?;
        let mut inspect = Command::new(&skopeo);
        let said = shell::read(inspect.args(["inspect", "--config", &from]))?;
        ensure!(
            said.contains("/mermin-agent"),
            "cannot find the agent in the image: `{form}` says {said}"
        );
    }
    Ok(())
}
