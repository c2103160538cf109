//! Installs the tools of CI. Those that compile the kernel program come first.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    dependencies::TARGETS,
    shell,
    toolchain::{self, Pin, Rustc},
    tools, versions,
};

/// Installs the missing tools of all CI steps.
pub(crate) fn full() -> Result<()> {
    run()?;
    tools::install()
}

/// Installs only the missing tools of the kernel program.
pub(crate) fn run() -> Result<()> {
    compilers()?;
    versions::install_oldest()?;
    let here = shell::read(&mut shell::command("rustup target list --installed")?)?;
    for target in TARGETS {
        if !here.lines().any(|line| line == target) {
            println!("rustup target add {target}");
            shell::run(&mut shell::command(&format!("rustup target add {target}"))?)?;
        }
    }
    Ok(())
}

fn compilers() -> Result<()> {
    let pin = Pin::read()?;
    let commands = toolchain::missing(&pin, Rustc::find(&pin)?.as_ref());
    for words in &commands {
        let [program, arguments @ ..] = words.as_slice() else {
            bail!("cannot run an empty command");
        };
        println!("{}", words.join(" "));
        let status = Command::new(program)
            .args(arguments)
            .status()
            .with_context(|| format!("cannot start `{program}`"))?;
        ensure!(status.success(), "`{}` failed: {status}", words.join(" "));
    }
    toolchain::ready(&pin)?;
    println!(
        "ready: rustc {} with rust-src, bpf-linker {}",
        pin.rustc, pin.linker
    );
    Ok(())
}
