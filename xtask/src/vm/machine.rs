//! A machine of qemu's: started, listened to, and ended when it takes too long.

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

/// A machine takes a minute or two. Other work on this one can make it many.
const LONGEST: Duration = Duration::from_hours(1);

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself, or there is nothing more to do about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots a kernel with a file system and gives all that the machine says until it turns itself off. `log` has each line
/// as soon as it is said, so that a machine that hangs can be watched.
///
/// Emulated, because nested virtualisation is seldom to be had; in one thread, because with more one boot in 34 panicked.
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
