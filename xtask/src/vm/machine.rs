//! Runs a qemu machine with a time limit.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// A machine takes a minute or two, and much longer under load.
const LONGEST: Duration = Duration::from_hours(1);

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has already ended, or cannot be ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots a kernel with a file system, and returns the machine's output after it turns itself off. `log` gets each
/// line at once, so a hanging machine can be observed.
///
/// Emulated, because nested virtualisation is rarely available; single-threaded, because with more threads one boot
/// in 34 panicked.
pub(super) fn boot(kernel: &Path, files: &Path, log: &Path) -> Result<String> {
    let mut log =
        File::create(log).with_context(|| format!("cannot create `{}`", log.display()))?;
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-accel", "tcg,thread=single", "-cpu", "max", "-M", "q35"])
        .args(["-m", "1024", "-smp", "2", "-nographic", "-no-reboot"])
        .args(["-nodefaults", "-serial", "stdio", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(files)
        .args(["-append", "console=ttyS0 panic=-1 quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut machine = Running(command.spawn().context("cannot start qemu-system-x86_64")?);
    let said = machine.0.stdout.take().context("cannot hear the machine")?;
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        for found in BufReader::new(said).split(b'\n').map_while(Result::ok) {
            if line
                .send(String::from_utf8_lossy(&found).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    let deadline = Instant::now() + LONGEST;
    let mut said = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let line = line.trim_end_matches('\r');
                writeln!(log, "{line}")?;
                said += line;
                said.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(said),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!(
                    "the machine did not end within {} s; it said\n{said}",
                    LONGEST.as_secs()
                )
            }
        }
    }
}
