//! The tools that compile the kernel program: pinned versions, installed versions, and commands that install the
//! rest.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::project;

/// The versions with which the committed object was compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) rustc: String,
    pub(crate) linker: String,
}

impl Pin {
    pub(crate) fn read() -> Result<Self> {
        let path = project::root().join(project::TOOLCHAIN);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", project::TOOLCHAIN))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let version = |tool: &str| {
            text.lines()
                .filter_map(|line| line.split_once(' '))
                .find(|(name, _)| *name == tool)
                .map(|(_, version)| version.trim().to_owned())
                .with_context(|| format!("cannot find `{tool}` in `{}`", project::TOOLCHAIN))
        };
        Ok(Self {
            rustc: version("rustc")?,
            linker: version("bpf-linker")?,
        })
    }

    /// Returns the command that installs the pinned compiler.
    pub(crate) fn install_rustc(&self) -> Vec<String> {
        words(&format!(
            "rustup toolchain install {} --profile minimal --component rust-src",
            self.rustc
        ))
    }

    /// Returns the command that installs the pinned linker. It links with rustc's own LLVM, so no other is needed.
    pub(crate) fn install_linker(&self) -> Vec<String> {
        words(&format!(
            "cargo install bpf-linker --version {} --locked --no-default-features --features llvm-22,rust-llvm-22",
            self.linker
        ))
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// A compiler of the pinned version.
#[derive(Debug)]
pub(crate) struct Rustc {
    /// Its name in rustup; `None` if it is the default compiler.
    pub(crate) rustup_name: Option<String>,
    pub(crate) sysroot: PathBuf,
}

impl Rustc {
    /// Returns the default compiler if it has the pinned version, or else one from rustup.
    pub(crate) fn find(pin: &Pin) -> Result<Option<Self>> {
        let running = release(None).context("cannot run `rustc`: type `rustup default stable`")?;
        let rustup_name = if running == pin.rustc {
            None
        } else if release(Some(&pin.rustc)).is_ok_and(|other| other == pin.rustc) {
            Some(pin.rustc.clone())
        } else {
            eprintln!(
                "this is rustc {running}; the object is compiled with {}",
                pin.rustc
            );
            return Ok(None);
        };
        let sysroot = rustc(rustup_name.as_deref(), &["--print", "sysroot"])?;
        Ok(Some(Self {
            rustup_name,
            sysroot: PathBuf::from(sysroot.trim()),
        }))
    }

    /// Returns true if the source of `core` is installed. It is compiled for the kernel.
    pub(crate) fn has_source(&self) -> bool {
        self.sysroot
            .join("lib/rustlib/src/rust/library/core/Cargo.toml")
            .is_file()
    }

    /// Returns the command that installs that source.
    pub(crate) fn install_source(&self) -> Vec<String> {
        let mut command = words("rustup component add rust-src");
        if let Some(name) = &self.rustup_name {
            command.extend(["--toolchain".to_owned(), name.clone()]);
        }
        command
    }

    /// Makes a command use this compiler, and the linker find its LLVM.
    pub(crate) fn lend_to(&self, command: &mut Command) {
        if let Some(name) = &self.rustup_name {
            command.env("RUSTUP_TOOLCHAIN", name);
        }
        command.env("LD_LIBRARY_PATH", self.sysroot.join("lib"));
    }
}

fn rustc(rustup_name: Option<&str>, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("rustc");
    command.args(arguments);
    if let Some(name) = rustup_name {
        // The check must not start a download.
        command
            .env("RUSTUP_TOOLCHAIN", name)
            .env("RUSTUP_AUTO_INSTALL", "0");
    }
    let output = command.output().context("cannot start `rustc`")?;
    ensure!(output.status.success(), "`rustc` failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the version of the default compiler.
pub(crate) fn running() -> Result<String> {
    release(None)
}

fn release(rustup_name: Option<&str>) -> Result<String> {
    rustc(rustup_name, &["-vV"])?
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .map(str::to_owned)
        .context("cannot find the release in what `rustc -vV` says")
}

/// Returns true if the default linker is the pinned one.
pub(crate) fn has_linker(pin: &Pin) -> bool {
    let said = Command::new("bpf-linker").arg("--version").output();
    said.is_ok_and(|said| {
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        said.split_whitespace().nth(1) == Some(pin.linker.as_str())
    })
}

/// Returns the commands that install missing tools, in order.
pub(crate) fn missing(pin: &Pin, rustc: Option<&Rustc>) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    match rustc {
        None => commands.push(pin.install_rustc()),
        Some(rustc) if !rustc.has_source() => commands.push(rustc.install_source()),
        Some(_) => {}
    }
    if !has_linker(pin) {
        commands.push(pin.install_linker());
    }
    commands
}

/// Returns the pinned compiler, for tools that depend on its output format.
pub(crate) fn pinned() -> Result<Rustc> {
    let pin = Pin::read()?;
    Rustc::find(&pin)?.with_context(|| {
        format!(
            "cannot find rustc {}: type `{}`",
            pin.rustc,
            pin.install_rustc().join(" ")
        )
    })
}

/// Returns the compiler, if all tools are installed.
pub(crate) fn ready(pin: &Pin) -> Result<Rustc> {
    let rustc = Rustc::find(pin)?;
    let commands = missing(pin, rustc.as_ref());
    match rustc {
        Some(rustc) if commands.is_empty() => Ok(rustc),
        _ => {
            let lines: Vec<String> = commands
                .iter()
                .map(|command| format!("  {}", command.join(" ")))
                .collect();
            bail!(
                "cannot compile the kernel program: tools are missing; type `cargo xtask setup`, or\n{}",
                lines.join("\n")
            )
        }
    }
}

/// Returns true if a variable of the caller may reach the compilation. Variables that change flags or profiles may
/// not.
pub(crate) fn may_pass(name: &str) -> bool {
    const FLAGS: [&str; 9] = [
        "RUSTFLAGS",
        "RUSTC",
        "RUSTC_",
        "RUSTDOCFLAGS",
        "CARGO_ENCODED_",
        "CARGO_BUILD_",
        "CARGO_INCREMENTAL",
        "CARGO_PROFILE_",
        "CARGO_UNSTABLE_",
    ];
    let changes_flags = FLAGS.iter().any(|flag| match flag.strip_suffix('_') {
        Some(_) => name.starts_with(flag),
        None => name == *flag,
    });
    !changes_flags && !name.starts_with("CARGO_TARGET_")
}

/// Returns a cargo without the caller's flags.
pub(crate) fn cargo(rustc: &Rustc) -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in env::vars_os() {
        if !name.to_str().is_some_and(may_pass) {
            command.env_remove(name);
        }
    }
    rustc.lend_to(&mut command);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_pins_both_tools() {
        let pin = Pin::read();
        assert!(pin.is_ok(), "{pin:?}");
    }

    #[test]
    fn pin_is_a_line_for_each_tool() {
        let pin = Pin::parse("# why\nrustc 1.2.3\nbpf-linker 4.5.6\n").ok();
        let expected = Pin {
            rustc: "1.2.3".to_owned(),
            linker: "4.5.6".to_owned(),
        };
        assert_eq!(pin, Some(expected));
        let half = Pin::parse("rustc 1.2.3\n").map_err(|error| error.to_string());
        assert!(half.is_err_and(|error| error.contains("bpf-linker")));
    }

    #[test]
    fn environment_flags_do_not_reach_the_compilation() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER",
            "RUSTC_WRAPPER",
        ] {
            assert!(!may_pass(name), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "HTTPS_PROXY"] {
            assert!(may_pass(name), "{name}");
        }
    }
}
