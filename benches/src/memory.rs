//! Memory of this process, as the kernel counts it (proc(5), `/proc/self/status`).

use crate::Result;

/// Returns octets of private memory. Pages mapped from the kernel, or from files, are no part of it.
///
/// # Errors
/// A file that cannot be read.
pub fn private() -> Result<f64> {
    field("RssAnon")
}

/// Returns the most octets that were in memory at a time.
///
/// # Errors
/// A file that cannot be read.
pub fn peak() -> Result<f64> {
    field("VmHWM")
}

/// Reads a row of kilobytes.
fn field(name: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let row = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = row.and_then(|row| row.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes
        .ok_or_else(|| format!("cannot find `{name}` in /proc/self/status"))?
        .parse()?;
    Ok(kilobytes * 1024.0)
}
