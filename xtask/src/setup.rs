//! Installing what compiles the kernel program.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::toolchain::{self, Pin, Rustc};

/// Installs what is missing, and nothing else.
pub(crate) fn run() -> Result<()> {
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
