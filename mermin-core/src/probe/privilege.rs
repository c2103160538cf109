//! Capabilities of this process, for errors that name the missing ones.

use std::error::Error as StdError;

use rustix::thread::CapabilitySet;

use super::kernel;
use crate::error::{Error, ErrorKind};

/// Capabilities that capturing needs, with their bit (`linux/capability.h`) and their use.
const NEEDED: [(&str, u32, &str); 3] = [
    ("CAP_NET_ADMIN", 12, "load a network program and attach it"),
    ("CAP_BPF", 39, "create maps and load programs"),
    (
        "CAP_PERFMON",
        38,
        "the verifier's rules that the program is written for",
    ),
];
const SYS_ADMIN: u32 = 21;

/// Returns the capabilities that a source needs while it is open: for filters and lists of hooks, and [for bpf(2)](for_bpf).
pub(crate) fn while_open() -> CapabilitySet {
    CapabilitySet::NET_ADMIN | for_bpf()
}

/// Returns the capability that any use of bpf(2) takes, where the kernel asks for one.
pub(crate) fn for_bpf() -> CapabilitySet {
    for_bpf_on(&kernel::release(), own())
}

fn for_bpf_on(release: &str, effective: Option<u64>) -> CapabilitySet {
    if !kernel::checks_every_use(release) {
        return CapabilitySet::empty();
    }
    let has_bpf = |set| CapabilitySet::from_bits_retain(set).contains(CapabilitySet::BPF);
    if effective.is_none_or(has_bpf) {
        CapabilitySet::BPF
    } else {
        // It includes the other.
        CapabilitySet::SYS_ADMIN
    }
}

/// Parses the effective set in `/proc/thread-self/status`.
fn effective(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Returns the needed capabilities that the effective set lacks. `CAP_SYS_ADMIN` includes BPF and PERFMON.
fn missing(effective: u64) -> Vec<(&'static str, &'static str)> {
    let has = |bit: u32| effective >> bit & 1 == 1;
    NEEDED
        .iter()
        .filter(|&&(name, bit, _)| !has(bit) && (name == "CAP_NET_ADMIN" || !has(SYS_ADMIN)))
        .map(|&(name, _, gives)| (name, gives))
        .collect()
}

/// Returns the remedy for a refusal, given an effective set.
///
/// `own_users` means that the process is in a user namespace; the kernel does not accept its capabilities.
fn remedy(effective: Option<u64>, own_users: bool) -> String {
    match effective.map(missing) {
        Some(missing) if missing.is_empty() && own_users => {
            "the capabilities hold in a user namespace alone, as in a rootless container: run it as root of the host, outside of that"
                .to_owned()
        }
        Some(missing) if missing.is_empty() => {
            "the capabilities are there, so a seccomp profile or a security module denies bpf(2): allow it, or run privileged"
                .to_owned()
        }
        Some(missing) => {
            let list: Vec<String> = missing
                .iter()
                .map(|(name, gives)| format!("{name} ({gives})"))
                .collect();
            format!("run as root with `sudo`, or grant {}", list.join(", "))
        }
        None => "run as root with `sudo`, or grant CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON".to_owned(),
    }
}

/// Returns the calling thread's effective set. That of the process's first thread may differ.
fn own() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    effective(&status)
}

/// Returns true if the process is in a user namespace that is not the host's.
pub(crate) fn has_own_users() -> bool {
    let map = std::fs::read_to_string("/proc/thread-self/uid_map").unwrap_or_default();
    !map.is_empty() && !maps_all(&map)
}

/// Returns true for the map of the initial user namespace, which maps every number to itself.
fn maps_all(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Needed to enter a namespace.
pub(crate) const CAP_SYS_ADMIN: (&str, u32) = ("CAP_SYS_ADMIN", SYS_ADMIN);
/// Needed to inspect another process.
pub(crate) const CAP_SYS_PTRACE: (&str, u32) = ("CAP_SYS_PTRACE", 19);

/// Needed to list and search directories of other users.
pub(crate) const CAP_DAC_READ_SEARCH: (&str, u32) = ("CAP_DAC_READ_SEARCH", 2);
/// Includes the one above.
pub(crate) const CAP_DAC_OVERRIDE: (&str, u32) = ("CAP_DAC_OVERRIDE", 1);

/// Returns true if the calling thread is known to lack a capability.
pub(crate) fn lacks(capability: (&str, u32)) -> bool {
    own().is_some_and(|effective| effective >> capability.1 & 1 == 0)
}

/// Returns true if the calling thread is known to lack a capability that capturing needs.
pub(crate) fn is_lacking() -> bool {
    own().is_some_and(|effective| !missing(effective).is_empty())
}

/// Returns "cannot `what`: permission denied", with the missing capabilities.
pub(crate) fn denied(what: &str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        format!("cannot {what}: permission denied"),
    )
    .with_remedy(remedy(own(), has_own_users()))
    .with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bpf_takes_a_capability_before_linux_5_19() {
        let effective = |set: CapabilitySet| Some(set.bits());
        let all = effective(CapabilitySet::all());
        assert_eq!(for_bpf_on("5.19.0", all), CapabilitySet::empty());
        assert_eq!(for_bpf_on("5.18.19-generic", all), CapabilitySet::BPF);
        assert_eq!(for_bpf_on("5.15.0", None), CapabilitySet::BPF);
        let admin = effective(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN);
        assert_eq!(for_bpf_on("5.15.0", admin), CapabilitySet::SYS_ADMIN);
    }

    #[test]
    fn only_what_is_missing_is_named() {
        let none = remedy(effective("Name:\tx\nCapEff:\t0000000000000000\n"), false);
        for name in ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"] {
            assert!(none.contains(name), "{none}");
        }
        let net_only = remedy(Some(1 << 12), true);
        assert!(!net_only.contains("CAP_NET_ADMIN"), "{net_only}");
        let admin = remedy(Some(1 << SYS_ADMIN), false);
        assert!(
            admin.contains("CAP_NET_ADMIN") && !admin.contains("CAP_BPF"),
            "{admin}"
        );
        assert!(remedy(Some(u64::MAX), false).contains("seccomp"));
        assert!(remedy(Some(u64::MAX), true).contains("user namespace"));
        assert!(maps_all("         0          0 4294967295\n"));
        assert!(!maps_all("         0       1000          1\n"));
    }
}
