//! The checks of a preflight; they leave nothing behind. `preflight.rs` loads the kernel program with room for one flow.
//! Attaching is tested on the loopback interface of a new network namespace, in a thread of its own.

use std::{
    error::Error as _,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    thread,
};

use mermin_bpf::abi::ledger::HookDirection;

use super::{drops, fallback};
use crate::{
    attach::{Attach, AttachOptions, Hooks, Programs, plan},
    bpf::{drop_counts::DropProgram, loaded::Loaded, size::Sizes},
    error::{Error, ErrorKind},
    iface::list,
    plural::Plural,
    probe::{
        bpffs, kernel,
        memory::{self, Limit},
        privilege::{self, CAP_SYS_ADMIN, CAP_SYS_PTRACE},
        unavailable::{self, Unavailable},
    },
    report::{
        Check, CheckKind,
        Outcome::{Failed, Passed, Untested},
    },
    sys::{membarrier, netns},
};

/// Octets of kernel and user memory for each possible flow.
const FLOW: u64 = 600;
/// Additional octets for each possible flow of a pinned instance.
const PINNED: u64 = 136;
/// Additional octets for each possible flow if TCP is analysed: kernel and user memory.
const ANALYSIS: u64 = 448 + 192;
/// Additional octets for each possible flow of a pinned instance if TCP is analysed.
const ANALYSIS_PINNED: u64 = 384;
/// Additional octets for each possible flow if the kernel's values of TCP sockets are read.
const SOCKETS: u64 = 32;
/// Additional octets for each possible flow if processes that open sockets are noted: kernel memory.
const SENDERS: u64 = 8;
/// Additional octets for each possible flow if dropped packets are counted: kernel and user memory.
const DROPS: u64 = 128 + 128;
/// Additional octets for each possible flow of a pinned instance if dropped packets are counted.
const DROPS_PINNED: u64 = 256;
/// Octets that loading takes in addition, for any table size: the verifier, the compiler, the ledgers, the threads.
const LOADING: u64 = 24 << 20;

fn words(error: &Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn lacking(subject: CheckKind, Unavailable { cause, remedy }: Unavailable) -> Check {
    Check::new(subject, Failed, cause).with_remedy(remedy)
}

fn refused(subject: CheckKind, error: &Error) -> Check {
    let check = Check::new(subject, Failed, words(error));
    match error.remedy() {
        Some(remedy) => check.with_remedy(remedy.to_owned()),
        None => check,
    }
}

pub(super) fn kernel() -> Check {
    let release = kernel::release();
    match kernel::check(&release) {
        Ok(()) => Check::new(CheckKind::Kernel, Passed, format!("Linux {release}")),
        Err(error) => refused(CheckKind::Kernel, &error),
    }
}

/// Returns the checks of loading the program and of each attach mechanism.
pub(super) fn program(loaded: Result<Loaded, Error>) -> Vec<Check> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return vec![refused(CheckKind::Program, &error)],
    };
    let found = "the kernel takes the program and its maps";
    let mut checks = vec![Check::new(CheckKind::Program, Passed, found)];
    checks.extend(attaching(&loaded));
    checks
}

fn attaching(loaded: &Loaded) -> [Check; 2] {
    let ways = [
        (
            CheckKind::Tcx,
            Attach::Tcx,
            "programs can be attached by TCX",
        ),
        (
            CheckKind::Tc,
            Attach::Tc,
            "programs can be attached as tc filters",
        ),
    ];
    let tried = thread::scope(|scope| {
        let trial = scope.spawn(|| {
            netns::enter_new()?;
            Ok(
                ways.map(|(subject, mode, found)| match try_at(loaded, mode) {
                    Ok(()) => Check::new(subject, Passed, found),
                    Err(error) => unattached(subject, &error),
                }),
            )
        });
        trial
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the trial panicked")))
    });
    tried.unwrap_or_else(|error: io::Error| {
        ways.map(|(subject, _, _)| {
            Check::new(
                subject,
                Untested,
                format!("no network namespace can be made to try it in: {error}"),
            )
        })
    })
}

/// Returns the check of a refused attachment. If opening would fall back from TCX to a filter, the check has the cause and remedy of
/// that degradation.
fn unattached(subject: CheckKind, error: &Error) -> Check {
    let refusal = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    match refusal {
        Some(refusal) if subject == CheckKind::Tcx && plan::falls_back(refusal) => {
            lacking(subject, unavailable::no_tcx(refusal))
        }
        _ => refused(subject, error),
    }
}

/// Attaches in the calling thread's network namespace, and detaches.
fn try_at(loaded: &Loaded, mode: Attach) -> Result<(), Error> {
    let hooks = Hooks::open()?;
    let links = list::links(hooks.netlink())?;
    let loopback = links
        .first()
        .ok_or_else(|| Error::new(ErrorKind::NoInterface, "cannot find the loopback interface"))?;
    let options = AttachOptions {
        mode,
        ..AttachOptions::default()
    };
    let programs = Programs {
        ingress: loaded.programs.ingress.as_fd(),
        egress: loaded.programs.egress.as_fd(),
    };
    hooks
        .attach(&options, programs, loopback, HookDirection::Ingress)?
        .detach()
}

/// Checks if dropped packets can be counted, from three results: the facts about the kernel, the memory for the counts,
/// and the program, if the kernel has accepted it.
pub(super) fn drops(
    facts: io::Result<()>,
    room: Result<(), Error>,
    program: Option<&DropProgram>,
) -> Check {
    let cannot = match (facts, room) {
        (Err(error), _) => Some(drops::unusable(&error)),
        (Ok(()), Err(error)) => Some(fallback::refused(&error, "lower `max_flows`")),
        (Ok(()), Ok(())) => program.and_then(drops::cannot_attach),
    };
    cannot.map_or_else(
        || {
            let found = "packets that the kernel drops can be counted";
            Check::new(CheckKind::Drops, Passed, found)
        },
        no_drops,
    )
}

/// Dropped packets cannot be counted.
pub(super) fn no_drops(unavailable: Unavailable) -> Check {
    lacking(CheckKind::Drops, unavailable)
}

/// Checks the privileges of the process, and names the features that a missing one prevents.
pub(super) fn privilege() -> Check {
    if privilege::has_own_users() {
        let found = "the capabilities hold in this user namespace alone, and capturing needs those of the host";
        return Check::new(CheckKind::Privilege, Failed, found).with_remedy(
            "run it outside of that namespace, as root of the host; `lsns --type user` lists the namespaces",
        );
    }
    let check = extras(
        privilege::lacks(CAP_SYS_ADMIN),
        privilege::lacks(CAP_SYS_PTRACE),
    );
    match std::fs::metadata("/proc/1/ns/net") {
        Err(error) if check.outcome == Passed => Check::new(
            CheckKind::Privilege,
            Failed,
            format!(
                "the process has the capabilities, but the network namespace of process 1 cannot be seen: {error}"
            ),
        )
        .with_remedy(
            "flows of this namespace are counted without that; to watch another namespace, name its path, such as `/run/netns/blue`",
        ),
        _ => check,
    }
}

fn extras(no_admin: bool, no_ptrace: bool) -> Check {
    const ADMIN: &str = "another network namespace cannot be entered, names of other programs cannot be read, and no \
                         place before or after a named program can be chosen";
    const PTRACE: &str = "the network namespace of another process cannot be found";
    let (found, grants) = match (no_admin, no_ptrace) {
        (false, false) => {
            let found = "the process has CAP_SYS_ADMIN and CAP_SYS_PTRACE, which some options need";
            return Check::new(CheckKind::Privilege, Passed, found);
        }
        (true, false) => (format!("without CAP_SYS_ADMIN {ADMIN}"), "CAP_SYS_ADMIN"),
        (false, true) => (format!("without CAP_SYS_PTRACE {PTRACE}"), "CAP_SYS_PTRACE"),
        (true, true) => (
            format!("without CAP_SYS_ADMIN {ADMIN}; without CAP_SYS_PTRACE {PTRACE}"),
            "CAP_SYS_ADMIN and CAP_SYS_PTRACE",
        ),
    };
    Check::new(CheckKind::Privilege, Failed, found).with_remedy(format!(
        "grant {grants} if an option needs that; flows are counted without it"
    ))
}

pub(super) fn membarrier() -> Check {
    if membarrier::is_offered() {
        Check::new(
            CheckKind::Membarrier,
            Passed,
            "membarrier(2) waits for grace periods",
        )
    } else {
        lacking(CheckKind::Membarrier, unavailable::no_membarrier())
    }
}

/// Checks if a table of this many flows fits into the memory limit.
pub(super) fn memory(sizes: Sizes, pinned: bool) -> Check {
    fits(sizes.slots, octets(sizes, pinned), memory::limit())
}

/// Checks if the memory limit allows this many flows. Above the limit, the kernel would kill the process.
///
/// # Errors
/// [`ErrorKind::Exhausted`].
pub(super) fn room(sizes: Sizes, pinned: bool) -> Result<(), Error> {
    let check = memory(sizes, pinned);
    if check.outcome != Failed {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::Exhausted,
        format!("cannot make room for flows: {}", check.found),
    );
    Err(match check.remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    })
}

/// Returns the octets for each flow.
fn octets(sizes: Sizes, pinned: bool) -> u64 {
    [
        (true, FLOW, PINNED),
        (sizes.tcp_analysis, ANALYSIS, ANALYSIS_PINNED),
        (sizes.tcp_sockets, SOCKETS, 0),
        (sizes.openers.is_some(), SENDERS, 0),
        (sizes.drops.is_some(), DROPS, DROPS_PINNED),
    ]
    .iter()
    .filter(|(wanted, ..)| *wanted)
    .map(|(_, always, beside)| always + if pinned { *beside } else { 0 })
    .sum()
}

fn fits(flows: u32, each: u64, limit: Option<Limit>) -> Check {
    const MEBI: u64 = 1 << 20;
    let need = u64::from(flows) * each + LOADING;
    let needs = format!(
        "room for {} takes about {} MiB, loading included",
        Plural(flows.into(), "flow"),
        need.div_ceil(MEBI)
    );
    match limit {
        None => Check::new(
            CheckKind::Memory,
            Passed,
            format!("{needs}, and there is no limit"),
        ),
        Some(limit) if need <= limit.left() => Check::new(
            CheckKind::Memory,
            Passed,
            format!("{needs}, of {} MiB that are left", limit.left() / MEBI),
        ),
        Some(limit) => Check::new(
            CheckKind::Memory,
            Failed,
            format!(
                "{needs}, and of the control group's {} MiB only {} are left",
                limit.limit / MEBI,
                limit.left() / MEBI
            ),
        )
        .with_remedy(remedy(need, each, limit)),
    }
}

fn remedy(need: u64, each: u64, limit: Limit) -> String {
    let more = (need - limit.left()).div_ceil(1 << 20);
    match limit.left().saturating_sub(LOADING) / each {
        0 => format!("raise the memory limit by {more} MiB"),
        flows => {
            format!("raise the memory limit by {more} MiB, or set `max_flows` to {flows} or less")
        }
    }
}

/// Checks if the directory allows pins. A source without an instance does not need them.
pub(super) fn bpffs(directory: &Path) -> Check {
    match bpffs::writable(directory) {
        Ok(()) => {
            let found = format!("`{}` is writable", directory.display());
            Check::new(CheckKind::Bpffs, Passed, found)
        }
        Err(unavailable) => lacking(CheckKind::Bpffs, unavailable),
    }
}

pub(super) fn btf() -> Check {
    match std::fs::File::open("/sys/kernel/btf/vmlinux") {
        Ok(_) => Check::new(CheckKind::Btf, Passed, "the kernel has BTF"),
        Err(error) => Check::new(
            CheckKind::Btf,
            Failed,
            format!(
                "`/sys/kernel/btf/vmlinux` cannot be opened: {error}; flows are counted without it"
            ),
        ),
    }
}

/// Checks if the network namespace is that of process 1.
pub(super) fn host_namespace() -> Check {
    let inode = |path: &str| std::fs::metadata(path).map(|found| found.ino());
    match (inode("/proc/1/ns/net"), inode("/proc/thread-self/ns/net")) {
        (Ok(first), Ok(own)) if first == own => Check::new(
            CheckKind::HostNamespace,
            Passed,
            "interfaces are those of process 1",
        ),
        (Ok(_), Ok(_)) => Check::new(
            CheckKind::HostNamespace,
            Failed,
            "interfaces are not those of process 1",
        )
        .with_remedy("watch the host's with `NetNs::Host`, which takes CAP_SYS_ADMIN and hostPID"),
        (Err(error), _) | (_, Err(error)) => Check::new(
            CheckKind::HostNamespace,
            Untested,
            format!("the network namespace of process 1 cannot be seen: {error}"),
        )
        .with_remedy(if privilege::lacks(CAP_SYS_PTRACE) {
            "give the process CAP_SYS_PTRACE, and in a container `hostPID: true`"
        } else {
            "to watch the host's interfaces, run it on the host, outside of any container"
        }),
    }
}

/// Checks the interfaces; the result lists those that would be watched.
pub(super) fn interfaces(names: Result<Vec<String>, Error>) -> Check {
    match names {
        Ok(names) => Check::new(CheckKind::Interfaces, Passed, names.join(", ")),
        Err(error) => refused(CheckKind::Interfaces, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_are_named_with_their_impact() {
        let check = extras(false, false);
        assert_eq!(check.outcome, Passed);
        // `process` needs more, so the check must not say that nothing is missing.
        assert!(!check.found.contains("all options"), "{check:?}");
        assert!(check.found.contains("CAP_SYS_ADMIN and CAP_SYS_PTRACE"));
        for (no_admin, no_ptrace) in [(true, false), (false, true), (true, true)] {
            let check = extras(no_admin, no_ptrace);
            assert_eq!(check.outcome, Failed, "{check:?}");
            for text in [&check.found, check.remedy.as_ref().unwrap()] {
                assert_eq!(text.contains("CAP_SYS_ADMIN"), no_admin, "{text}");
                assert_eq!(text.contains("CAP_SYS_PTRACE"), no_ptrace, "{text}");
            }
        }
    }

    #[test]
    fn table_size_is_checked_against_available_memory() {
        let limit = |limit, used| Some(Limit { limit, used });
        assert_eq!(fits(1000, FLOW, None).outcome, Passed);
        assert_eq!(
            fits(65_536, FLOW, limit(88 << 20, 20 << 20)).outcome,
            Passed
        );
        assert_eq!(
            fits(65_536, FLOW + ANALYSIS, limit(88 << 20, 20 << 20)).outcome,
            Failed
        );
        // The journal of a pinned source takes 9 MiB more.
        assert_eq!(
            fits(65_536, FLOW + PINNED, limit(88 << 20, 20 << 20)).outcome,
            Failed
        );
        let check = fits(65_536, FLOW, limit(64 << 20, 20 << 20));
        assert_eq!(check.outcome, Failed);
        assert_eq!(
            check.found,
            "room for 65536 flows takes about 62 MiB, loading included, and of the control group's 64 MiB only 44 are left"
        );
        assert_eq!(
            check.remedy.as_deref(),
            Some("raise the memory limit by 18 MiB, or set `max_flows` to 34952 or less")
        );
        let check = fits(65_536, FLOW, limit(64 << 20, 50 << 20));
        assert_eq!(
            check.remedy.as_deref(),
            Some("raise the memory limit by 48 MiB")
        );
    }
}
